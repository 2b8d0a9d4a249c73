"""Fixtures of the model's tests."""

from pathlib import Path

import pytest

from support.recorded import Recorded
from support.reference import Reference
from support.runs import Runs


@pytest.fixture(scope="session")
def reference(test_data: Path) -> Reference:
    """Recorded outputs and weights of the reference implementation; skips without test data."""
    return Reference(test_data / "reference")


@pytest.fixture(scope="session")
def recorded(reference: Reference) -> Recorded:
    """Recordings of the reference's tracker; skips without test data."""
    return Recorded(reference)


@pytest.fixture(scope="session")
def runs(recorded: Recorded) -> Runs:
    """Our model's runs of the recorded clips; skips without test data."""
    return Runs(recorded)
