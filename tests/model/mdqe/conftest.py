"""Fixtures of MDQE's tests."""

from pathlib import Path

import pytest

from support.mdqe import Recordings


@pytest.fixture(scope="session")
def recordings(test_data: Path) -> Recordings:
    """Recordings of the authors' code; skips without test data."""
    folder = test_data / "reference" / "others" / "mdqe"
    if not folder.is_dir():
        pytest.skip("no recordings of MDQE")
    return Recordings(folder)
