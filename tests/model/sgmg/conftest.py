"""Fixtures of SgMg's tests."""

from pathlib import Path

import pytest

from support.sgmg import Recordings


@pytest.fixture(scope="session")
def recordings(test_data: Path) -> Recordings:
    """Recordings of the authors' code; skips without test data."""
    folder = test_data / "reference" / "others" / "sgmg"
    if not folder.is_dir():
        pytest.skip("no recordings of SgMg")
    return Recordings(folder)
