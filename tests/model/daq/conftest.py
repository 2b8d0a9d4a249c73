"""Fixtures of the tracker's tests."""

import pytest

from support.recorded import Recorded
from support.reference import Reference


@pytest.fixture(scope="session")
def recorded(reference: Reference) -> Recorded:
    """Recordings of the reference's tracker; skips without test data."""
    return Recorded(reference)
