"""What every test of videos must leave behind: nothing."""

import tempfile

import psutil
import pytest

from maskstream_server.media.limits import VideoLimits
from support.hostile import LIMITS


@pytest.fixture
def limits() -> VideoLimits:
    return LIMITS


@pytest.fixture(autouse=True)
def nothing_left_behind(tmp_path_factory, monkeypatch):
    """No process, dead or alive, and no temporary file after a test."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    # Servers that other tests share live on beside these.
    others = psutil.Process().children()
    yield
    assert set(psutil.Process().children()) <= set(others)
    assert list(folder.iterdir()) == []
