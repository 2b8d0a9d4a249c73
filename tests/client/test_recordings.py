"""What recordings say and how they are compared, without a server."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner

from maskstream_client.errors import OutputError, SourceError
from maskstream_client.exports import check_formats, write_exports
from maskstream_client.recording_commands import results
from maskstream_client.recordings import Recording
from maskstream_client.recordings.differences import LineComparer
from maskstream_client.recordings.head import Head
from maskstream_client.recordings.recording_file import RecordingFile
from maskstream_exports.video_results import ResultClass
from support.result_lines import SIZE, found, rectangle

HEAD = Head(
    first_frame=0,
    source="street.mp4",
    file_name="street.mp4",
    frame_rate=10.0,
    model="demo",
    task="vis",
    fingerprint="abc",
    classes=[ResultClass("class 0"), ResultClass("class 1")],
    show_min=0.5,
    options={},
)


def line(number, *objects, epoch=1):
    return {
        "frame": number,
        "epoch": epoch,
        "time_s": number / 10,
        "size": SIZE,
        "objects": list(objects),
        "pixels": f"{number}",
        "sent": f"{number}",
    }


def written(path, sections, max_bytes=1 << 20):
    with RecordingFile(path, max_bytes) as file:
        for section in sections:
            file.begin(replace(HEAD, first_frame=section[0]["frame"]), b"memory")
            for each in section:
                file.add(each)
    return Recording(path)


def test_ids_of_a_later_epoch_go_on_behind_those_before(tmp_path):
    first, second = found(3, rectangle(0, 0)), found(1, rectangle(5, 5))
    dropped = {"frame": 1, "dropped": "internal", "pixels": "1", "sent": "1"}
    last = line(2, second, epoch=2)
    last["events"] = [{"rule": "door", "track_id": 1}, {"rule": "many"}]
    made = written(tmp_path / "a.rec", [[line(0, first), dropped], [last]])
    (made_line, other) = [json.loads(each) for each in made.results().lines]
    assert [each["track_id"] for each in made_line["objects"]] == [3]
    assert [each["track_id"] for each in other["objects"]] == [4]
    assert other["events"] == [{"rule": "door", "track_id": 4}, {"rule": "many"}]
    assert (made.num_frames, made.results().size) == (3, tuple(SIZE))


def test_the_oldest_sections_give_way(tmp_path):
    sections = [[line(number, found(1, rectangle(0, 0)))] for number in range(40)]
    size = len(json.dumps(sections[0][0])) + len(json.dumps(HEAD.to_json()))
    made = written(tmp_path / "a.rec", sections, max_bytes=8 * size)
    assert made.path.stat().st_size <= 8 * size
    assert made.head.first_frame >= 32
    assert [each["frame"] for each in made.frames()][-1] == 39
    assert [path.name for path in tmp_path.iterdir()] == ["a.rec"]


def test_a_memory_larger_than_the_room_leaves_its_section_alone(tmp_path):
    with RecordingFile(tmp_path / "a.rec", 100) as file:
        for number in range(5):
            file.begin(replace(HEAD, first_frame=number), bytes(10_000))
            assert not file.is_section_full
            file.add(line(number))
            assert file.is_section_full
    made = Recording(tmp_path / "a.rec")
    assert (made.head.first_frame, made.num_frames) == (4, 1)


def test_a_line_that_was_cut_off_is_not_read_and_said(tmp_path):
    whole = written(tmp_path / "a.rec", [[line(0), line(1)]])
    whole.path.write_bytes(whole.path.read_bytes()[:-10])
    cut = Recording(whole.path)
    assert (whole.is_cut, cut.is_cut, cut.num_frames) == (False, True, 1)
    command = ["export", str(cut.path), "--to", "tracks.csv", "--out", str(tmp_path)]
    done = CliRunner().invoke(results, command)
    assert done.exit_code == 0
    assert "a.rec ends inside a line: it was cut off after 1 frames." in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is no recording of Maskstream"),
        (b"\x00\xff\n", "is no recording that can be read"),
        (b"\x00\x00\x00\x20ftypisom\n", "other lines than JSON objects"),  # as MP4 begins
        (b"# Events\n", "other lines than JSON objects"),
        (b"[" * 200_000 + b"\n", "other lines than JSON objects"),
        (b"[1]\n", "other lines than JSON objects"),
        (b'{"frame": 1}\n', "other lines than those of a recording"),
        (b'{"recording": 1}\n', "a section has no proper head"),
        (b'{"recording": 2}\n', "made by a later version"),
    ],
)
def test_what_is_no_recording_is_said_in_a_sentence(tmp_path, text, said):
    (tmp_path / "a.rec").write_bytes(text)
    with pytest.raises(SourceError, match=said):
        Recording(tmp_path / "a.rec")


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path):
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        RecordingFile(tmp_path, 1)
    made = written(tmp_path / "a.rec", [[line(0, found(70_000, rectangle(0, 0)))]])
    with pytest.raises(OutputError, match=r"masks\.zip cannot be written: track 70000"):
        made.export(tmp_path, ["masks.zip"])
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_exports(made.results, ["coco.json"], tmp_path / "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.rec", "file"]


def test_forms_are_checked_before_anything_is_written():
    with pytest.raises(ValueError, match="of a panoptic model alone"):
        check_formats(["panoptic.zip"], "vis")
    check_formats(["panoptic.zip", "coco.json"], "panoptic")


def test_what_differs_is_said_of_each_track():
    one = line(0, found(1, rectangle(0, 0), score=0.5), found(2, rectangle(9, 9)))
    other = line(0, found(1, rectangle(1, 0), score=0.6), found(3, rectangle(9, 9)))
    assert LineComparer().differences(one, one) == []
    first, gone, new = LineComparer().differences(one, other)
    assert first == (
        "track 1: score 0.6 in place of 0.5, box [1, 0, 6, 5] in place of [0, 0, 5, 5], "
        "10 pixels of its mask (IoU 0.667)"
    )
    assert (gone, new) == ("track 2 (class 0) is missing", "track 3 (class 0) is new")


def test_a_drop_is_a_difference_where_the_other_has_none():
    dropped = {"frame": 0, "dropped": "internal"}
    assert LineComparer().differences(dropped, dropped) == []
    assert LineComparer().differences(dropped, line(0)) == ["it was not dropped (internal)"]
    assert LineComparer().differences(line(0), dropped) == ["it was dropped (internal)"]


def test_after_a_memory_was_brought_a_track_may_be_mentioned_anew():
    missed, seen = found(1, rectangle(0, 0), "missed"), found(1, rectangle(0, 0))
    anew = found(1, rectangle(0, 0), "emerged")
    brought = LineComparer(brought=True)
    assert brought.differences(line(0, missed), line(0)) == []
    assert brought.differences(line(1, seen), line(1, anew)) == []
    assert brought.differences(line(2, missed), line(2)) == ["track 1 (class 0) is missing"]
    assert LineComparer().differences(line(1, seen), line(1, anew)) == [
        "track 1: status emerged in place of tracked"
    ]
