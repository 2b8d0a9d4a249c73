"""Sessions as files against a real server: recorded, replayed, run with other options, exported."""

import json
import threading
from collections.abc import Iterator

import pytest
from pycocotools.coco import COCO

from client.clips import numbered_frames, write_clip
from maskstream_client import Client
from maskstream_client.recording_commands import record, replay, results
from maskstream_client.recordings import Recording
from maskstream_client.recordings.recorder import RecordJob, record_session, record_source
from maskstream_client.recordings.recording import SectionStart
from maskstream_client.recordings.replay import ReplayJob
from maskstream_client.recordings.replay import replay as replay_recording
from maskstream_client.sources import open_reader
from support.server import FakeModel, LiveServer, running_server
from support.video_calls import call, sentence_of

COUNT = 12


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as made:
        yield made


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", numbered_frames(COUNT))


@pytest.fixture
def recorded(live, clip, tmp_path):
    done = call(record, clip, "--url", live.url, "--out", tmp_path / "a.rec")
    assert done.exit_code == 0, done.output
    assert f"a.rec: {COUNT} frames." in done.output
    return tmp_path / "a.rec"


def in_sections(live, clip, out, **limits):
    job = RecordJob(live.url, out, section_frames=4, **limits)
    with open_reader(str(clip)) as reader:
        assert sum(1 for _ in record_source(job, str(clip), reader)) == COUNT
    return Recording(out)


def test_a_replay_gives_the_same_bits(live, recorded):
    done = call(replay, recorded, "--url", live.url)
    assert done.exit_code == 0
    assert f"{COUNT} frames: the same bits." in done.output


def test_a_recording_says_what_its_results_depend_on(live, recorded, clip):
    head, (state, *_) = Recording(recorded).head, Recording(recorded).parts()
    assert (head.model, head.file_name, head.source) == ("fake", "clip.mp4", str(clip))
    assert head.fingerprint
    assert head.versions["maskstream"]
    assert state.state is None
    lines = list(Recording(recorded).frames())
    assert [line["frame"] for line in lines] == list(range(COUNT))
    assert len({line["pixels"] for line in lines}) == COUNT


def test_sections_begin_with_the_memory_before_them(live, clip, tmp_path):
    whole = in_sections(live, clip, tmp_path / "whole.rec")
    starts = [part for part in whole.parts() if isinstance(part, SectionStart)]
    assert [(each.head.first_frame, each.state is None) for each in starts] == [
        (0, True),
        (4, False),
        (8, False),
    ]
    report = replay_recording(ReplayJob(whole, live.url))
    assert (report.num_frames, report.different, report.reasons) == (COUNT, {}, [])


def test_a_recording_whose_beginning_gave_way_replays_from_what_is_left(live, clip, tmp_path):
    whole = in_sections(live, clip, tmp_path / "whole.rec")
    room = whole.path.stat().st_size * 3 // 4
    rest = in_sections(live, clip, tmp_path / "rest.rec", max_bytes=room)
    assert rest.head.first_frame > 0
    assert rest.path.stat().st_size <= room
    assert rest.num_frames == COUNT - rest.head.first_frame
    report = replay_recording(ReplayJob(rest, live.url))
    assert (report.num_frames, report.different, report.reasons) == (rest.num_frames, {}, [])


def test_another_picture_and_another_model_are_reasons(live, recorded, tmp_path):
    frames = numbered_frames(COUNT)
    frames[5] = frames[0][:, ::-1]
    other = write_clip(tmp_path / "other.mp4", frames)
    same = replay_recording(ReplayJob(Recording(recorded), live.url, video=str(other)))
    assert [reason.startswith("The video has another picture") for reason in same.reasons] == [True]
    with running_server(FakeModel("another")) as elsewhere:
        report = replay_recording(ReplayJob(Recording(recorded), elsewhere.url))
    (reason,) = report.reasons
    assert reason.startswith("The model is another (")
    assert "and was fake (" in reason


def test_what_differs_is_said_with_its_frame(live, recorded):
    *lines, wrong, _, _ = recorded.read_text().splitlines(keepends=True)
    changed = json.loads(wrong)
    changed["objects"][0]["score"] = 0.123
    rest = recorded.read_text().splitlines(keepends=True)[-2:]
    recorded.write_text("".join([*lines, json.dumps(changed) + "\n", *rest]))
    done = call(replay, recorded, "--url", live.url)
    assert done.exit_code == 1
    assert f"1 of {COUNT} frames differ, first frame {COUNT - 3}: track 1: score" in done.output
    assert "--deterministic" in done.output
    output = call(replay, recorded, "--url", live.url, "--json").output
    said = json.loads(output[output.index("\n{\n") :] if output[0] != "{" else output)
    assert list(said["different"]) == [str(COUNT - 3)]


def test_what_if_shows_what_another_threshold_changes(live, recorded):
    done = call(replay, recorded, "--url", live.url, "--what-if", "min_score=1.0")
    assert done.exit_code == 0, done.output
    assert f"{COUNT} of {COUNT} frames change." in done.output
    assert f"Track 1 is on 0 frames; it was on {COUNT}." in done.output
    same = call(replay, recorded, "--url", live.url, "--what-if", "min_score=0.1")
    assert "Nothing changes" in same.output


def test_a_recording_is_exported(live, recorded, tmp_path, capsys):
    done = call(results, "export", recorded, "--to", "coco.json, tracks.csv", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert len(COCO(tmp_path / "coco.json").anns) == COUNT
    assert len((tmp_path / "tracks.csv").read_text().splitlines()) == COUNT + 1


def test_what_another_client_streams_is_recorded_and_exported(live, tmp_path):
    with Client(live.url) as client:
        job = RecordJob(live.url, tmp_path / "b.rec")
        watched = record_session(job, str(client.session))
        first = threading.Thread(target=lambda: seen.append(next(watched)))
        seen = []
        first.start()
        while first.is_alive():
            client.send(numbered_frames(1)[0])
            assert client.receive() is not None
        client.send(numbered_frames(1)[0])
        assert next(watched).sequence == seen[0].sequence + 1
        watched.close()
    recording = Recording(tmp_path / "b.rec")
    assert (recording.head.model, recording.num_frames) == ("fake", 2)
    assert recording.head.first_frame == seen[0].frame_index
    recording.export(tmp_path, ["coco.json"])
    assert len(json.loads((tmp_path / "coco.json").read_text())["annotations"]) == 2
    refused = sentence_of(call(replay, tmp_path / "b.rec", "--url", live.url))
    assert "was recorded by a viewer, who sees no frames" in refused


def test_what_cannot_be_is_one_sentence(live, recorded, tmp_path):
    out = ("--out", tmp_path / "out")
    here = ("--url", live.url)
    export = ("export", recorded, "--to")
    assert "There is no form 'poem'; known:" in sentence_of(call(results, *export, "poem", *out))
    assert "Name the files to make" in sentence_of(call(results, *export, ",", *out))
    asked = sentence_of(call(record, *here, "--out", tmp_path / "c.rec"))
    assert "Name what to record: a SOURCE, or a --session." in asked
    nobody = call(record, "--session", "abc", *here, "--out", tmp_path / "c.rec")
    assert "abc" in sentence_of(nobody)
    letter = tmp_path / "letter.rec"
    letter.write_text("Dear reader.\n")
    said = sentence_of(call(results, "export", letter, "--to", "coco.json", *out))
    assert "letter.rec is no recording that can be read" in said
    letter.write_text("")
    assert "is no recording of Maskstream" in sentence_of(call(replay, letter, *here))
    letter.write_text("".join(recorded.read_text().splitlines(keepends=True)[:2]))
    assert "has no frames" in sentence_of(call(replay, letter, *here))
    missing = sentence_of(call(replay, tmp_path / "nothing.rec", *here))
    assert "nothing.rec cannot be read: No such file" in missing
    asked = sentence_of(call(replay, recorded, *here, "--what-if", "quality=3"))
    assert "quality cannot be changed; these can: min_score" in asked
    short = write_clip(tmp_path / "short.mp4", numbered_frames(2))
    assert "The video ends before frame 2" in sentence_of(call(replay, recorded, short, *here))


def test_results_without_tracks_are_said_to_have_none(live, clip, tmp_path):
    call(record, clip, "--url", live.url, "--out", tmp_path / "b.rec", "--min-score", "1.0")
    done = call(results, "export", tmp_path / "b.rec", "--to", "coco.json", "--out", tmp_path)
    assert done.exit_code == 0
    assert "b.rec has no tracks: the files have none either." in done.stderr
