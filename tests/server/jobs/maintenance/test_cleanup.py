"""Videos that no record knows of: a few at a time into the quarantine, and back with a record."""

import os
import time

import pytest
import structlog

from maskstream_server.jobs.maintenance.cleanup import sweep
from maskstream_server.jobs.storage import files as files_module
from maskstream_server.jobs.storage.files import VideoFiles

KEEP_S = 1000.0


@pytest.fixture
def files(tmp_path, monkeypatch) -> VideoFiles:
    """Twenty-five videos, the first of which is the oldest."""
    monkeypatch.setattr(files_module, "ORPHAN_S", -60.0)
    files = VideoFiles(tmp_path, None, 0)
    for number in range(25):
        files.create(f"v{number:02}").write_bytes(b"%d" % number)
    return files


def swept(files: VideoFiles, *known: str) -> tuple[int, int]:
    """Videos and those in quarantine, after a pass."""
    sweep(files, dict.fromkeys(known, 1), set(), KEEP_S)
    return len(files.videos()), len(files.quarantine.videos())


def test_at_most_a_tenth_goes_in_one_pass_and_at_least_one(files):
    assert swept(files) == (23, 2)
    assert files.quarantine.videos() == ["v00", "v01"]
    assert swept(files) == (21, 4)
    assert swept(files) == (19, 6)
    assert swept(files) == (18, 7)


def test_what_has_a_record_stays_and_so_do_its_bytes(files):
    for _ in range(30):
        swept(files, "v03", "v17")
    assert sorted(files.videos()) == ["v03", "v17"]
    assert files.source("v17").read_bytes() == b"17"


def test_a_record_that_turns_up_brings_its_files_back(files):
    with structlog.testing.capture_logs() as logs:
        swept(files)
        assert swept(files, "v00", "v01") == (23, 2)
    assert files.quarantine.videos() == ["v02", "v03"]
    assert files.source("v00").read_bytes() == b"0"
    assert {"event": "videos_back_from_quarantine", "log_level": "warning", "num_videos": 2} in logs


def test_a_restored_folder_wins_over_the_one_in_quarantine(files):
    swept(files)
    files.create("v00").write_bytes(b"restored")
    swept(files, "v00")
    assert files.source("v00").read_bytes() == b"restored"


def test_the_quarantine_keeps_a_video_for_its_time_from_its_first_day_in_it_on(files, tmp_path):
    past_s = time.time() - 10 * KEEP_S
    for path in (files.source("v00"), files.folder("v00")):
        os.utime(path, (past_s, past_s))
    swept(files)
    assert (tmp_path / ".quarantine" / "v00" / "source").read_bytes() == b"0"
    for age_s, left in ((KEEP_S - 60, ["v00", "v01"]), (KEEP_S + 60, ["v01"])):
        then_s = time.time() - age_s
        os.utime(tmp_path / ".quarantine" / "v00", (then_s, then_s))
        swept(files, *files.videos())
        assert files.quarantine.videos() == left


def test_files_of_cancelled_videos_go_at_once(files):
    sweep(files, {"v05": 1}, {"v05"}, KEEP_S)
    assert "v05" not in [*files.videos(), *files.quarantine.videos()]
