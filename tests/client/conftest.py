"""What tests of the client share."""

from pathlib import Path

import pytest

from client.clips import numbered_frames, write_clip


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A video of nine numbered frames."""
    return write_clip(tmp_path / "clip.mp4", numbered_frames(9))
