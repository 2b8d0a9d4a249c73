"""Preset `demo`: a small model on endless synthetic clips, in hours on two cores.

Not in the paper; docs/decisions/0004, 0024 and the docstrings of the fields say why these numbers.
"""

from dataclasses import replace

from maskstream_model.config import ModelConfig
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.options import BatchPlan
from maskstream_train.training.presets.preset import StageName, StagePreset
from maskstream_train.training.recipes import Recipe, TrackerRecipe, tracker_criterion


def preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return a stage's settings; the tracker's clips are longer and its batches smaller."""
    clips = SyntheticConfig(height=128, width=224, num_frames=2)
    recipe = Recipe(learning_rate=8e-4, backbone_factor=0.3, imagenet=True, live_norms=False)
    segmenter = StagePreset(recipe, BatchPlan(clips), TrackerRecipe())
    if stage == "segmenter":
        return segmenter
    recipe = Recipe(learning_rate=5e-4, criterion=tracker_criterion(Criterion(), 0.2))
    plan = BatchPlan(replace(clips, num_frames=6), batch_size=4)
    return replace(segmenter, recipe=recipe, plan=plan)
