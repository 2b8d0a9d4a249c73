"""Fixtures of the model's tests."""

from pathlib import Path

import pytest

from support.reference import Reference


@pytest.fixture(scope="session")
def reference(test_data: Path) -> Reference:
    """Recorded outputs and weights of the reference implementation; skips without test data."""
    return Reference(test_data / "reference")
