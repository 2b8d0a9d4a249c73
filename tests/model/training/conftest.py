"""Small runs: a tiny model, tiny clips."""

from pathlib import Path

import pytest

from maskstream_model.data.synthetic import SyntheticConfig
from maskstream_model.training.criterion import Criterion
from maskstream_model.training.matcher import MatchCost
from maskstream_model.training.options import BatchPlan, Budget, Recipe, RunOptions, TrackerRecipe
from maskstream_model.training.points import PointSampling
from support.tiny import tiny_config

FEW_POINTS = Criterion(cost=MatchCost(num_points=32), sampling=PointSampling(count=32))


@pytest.fixture
def small_run(tmp_path: Path) -> RunOptions:
    """Eight steps on two clips of three 64x64 frames."""
    clips = SyntheticConfig(height=64, width=64, num_frames=3, max_objects=3, empty_ratio=0.0)
    return RunOptions(
        config=tiny_config(),
        out=tmp_path / "run",
        budget=Budget(steps=8),
        plan=BatchPlan(clips, batch_size=2, scales=(1.0,)),
        recipe=Recipe(criterion=FEW_POINTS, warm_up_steps=2),
        tracker=TrackerRecipe(short_share=0.3),
    )
