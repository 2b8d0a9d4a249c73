"""Small runs: a tiny model, tiny clips."""

from pathlib import Path

import pytest

from maskstream_train.training.run_options import RunOptions
from support.small_runs import small_options


@pytest.fixture
def small_run(tmp_path: Path) -> RunOptions:
    """Eight steps on two clips of three 64x64 frames."""
    return small_options(tmp_path / "run")
