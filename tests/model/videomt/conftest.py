"""Fixtures of VidEoMT's tests."""

from pathlib import Path

import pytest

from support.videomt import Recordings


@pytest.fixture(scope="session")
def recordings(test_data: Path) -> Recordings:
    """Recordings of the authors' code; skips without test data."""
    folder = test_data / "reference" / "videomt"
    if not folder.is_dir():
        pytest.skip("no recordings of VidEoMT")
    return Recordings(folder)
