"""What a training preset is."""

from dataclasses import dataclass
from typing import Literal

from maskstream_train.training.options import Plan
from maskstream_train.training.recipes import Recipe, TrackerRecipe

StageName = Literal["segmenter", "tracker", "refiner"]


@dataclass(frozen=True)
class StagePreset:
    """How one stage is trained; every field can be overridden by name (`overrides.py`).

    Attributes:
        recipe: optimisation and losses.
        plan: clips; where they are cut from is filled in by whoever starts the run.
        tracker: rules of the tracker stage.
        steps: length of the stage; None where it suits whatever time there is.
    """

    recipe: Recipe
    plan: Plan
    tracker: TrackerRecipe
    steps: int | None = None
