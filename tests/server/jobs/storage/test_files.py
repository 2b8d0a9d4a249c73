"""Folders of videos, room for more, and lines of results across their parts."""

import os
import time

import pytest

from maskstream_server.errors import FileGoneError, NoSpaceError, VideoUnknownError
from maskstream_server.jobs.records.record import ResultPart
from maskstream_server.jobs.storage.files import ORPHAN_S, VideoFiles
from maskstream_server.jobs.storage.lines import read_lines
from support.uploads import video_record


def test_ids_of_clients_never_lead_out_of_the_folder(tmp_path):
    files = VideoFiles(tmp_path / "videos", None, 0)
    for video in ("", ".", "..", "../x", "a/b", "/etc", "a\x00", "ä"):
        with pytest.raises(VideoUnknownError):
            files.folder(video)


def test_a_quota_is_reported_before_it_is_passed(tmp_path):
    files = VideoFiles(tmp_path, 1000, 0)
    files.create("a").write_bytes(b"x" * 800)
    files.check_space(200)
    with pytest.raises(NoSpaceError, match="quota"):
        files.check_space(201)
    files.remove("a")
    files.check_space(1000)


def test_the_disk_is_never_filled(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    files.check_space(1)
    with pytest.raises(NoSpaceError, match="disk"):
        files.check_space(1 << 60)
    with pytest.raises(NoSpaceError, match="disk"):
        VideoFiles(tmp_path, None, 1 << 60).check_space()


def test_folders_without_a_record_are_strays_after_a_while(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    for video in ("known", "fresh", "old"):
        files.create(video).write_bytes(b"x")
    past_s = time.time() - ORPHAN_S - 1
    for video in ("known", "old"):
        for path in (files.source(video), files.folder(video)):
            os.utime(path, (past_s, past_s))
    assert files.strays({"known"}) == ["old"]


PARTS = (
    ResultPart("one", 0, 6),
    ResultPart("empty", 3, 0),
    ResultPart("two", 3, 4),
    ResultPart("three", 5, 2),
)


@pytest.mark.parametrize("after", range(-1, 7))
def test_lines_continue_from_part_to_part_as_far_as_they_count(tmp_path, after):
    # What a dead worker wrote after its last checkpoint does not count.
    for name, text in (("one", "0\n1\n2\nzombie\n"), ("empty", "zo"), ("two", "3\n4\n5 zombie\n")):
        (tmp_path / name).write_text(text)
    (tmp_path / "three").write_text("5\n6 not counted")
    expected = [b"%d\n" % frame for frame in range(after + 1, 6)]
    assert list(read_lines(tmp_path, PARTS, after)) == expected


def test_lost_results_are_reported_before_the_first_line(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    folder = files.create("a").parent
    parts = (ResultPart("results-1.ndjson", 0, 4), ResultPart("results-2.ndjson", 2, 2))
    record = video_record(parts=parts)
    (folder / "results-1.ndjson").write_text("0\n1\n")
    for left in (None, "", "2"):
        if left is not None:
            (folder / "results-2.ndjson").write_text(left)
        with pytest.raises(FileGoneError, match="has lost results of the video"):
            files.lines(record, -1)
    (folder / "results-2.ndjson").write_text("2\nnot counted")
    assert list(files.lines(record, 0)) == [b"1\n", b"2\n"]


def test_a_lost_artifact_is_reported(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    folder = files.create("a").parent
    for make in (lambda path: None, lambda path: path.mkdir()):
        make(folder / "ytvis.json")
        with pytest.raises(FileGoneError, match="has lost the file"):
            files.artifact(video_record(), "ytvis.json")
