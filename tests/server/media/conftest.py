"""What every test of videos must leave behind: nothing."""

import tempfile
from pathlib import Path

import psutil
import pytest

from maskstream_server.media.limits import VideoLimits

SMALL = VideoLimits(
    memory_bytes=1 << 30,
    cpu_s=60,
    stall_s=20.0,
    max_pixels=2048 * 2048,
    max_side_px=4096,
    max_frames=1500,
)


@pytest.fixture
def limits() -> VideoLimits:
    return SMALL


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path_factory, monkeypatch):
    """No process, dead or alive, and no temporary file after a test."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    shared = Path("/dev/shm")
    before = set(shared.iterdir()) if shared.is_dir() else set()
    yield
    assert psutil.Process().children() == []
    assert list(folder.iterdir()) == []
    assert not shared.is_dir() or set(shared.iterdir()) <= before
