"""What all published DVIS-DAQ models share (paper, appendix .1; docs/model.md 6).

The tracker learns on a frozen segmenter, the refiner on a frozen online model. Of the segmenter's
own training the paper only says that it is DVIS++'s: its stage takes the same optimiser, with
single frames for clips.
"""

from dataclasses import replace

from maskstream_train.training.clip_sampling import ClipSampling
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.matcher import MatchCost
from maskstream_train.training.points import PointSampling
from maskstream_train.training.presets.preset import StageName, StagePreset
from maskstream_train.training.recipes import Recipe, TrackerRecipe
from maskstream_train.training.video_plan import VideoPlan

NUM_POINTS = 12544
"""Of a frame: 112 x 112."""
CLIP_FRAMES = {"segmenter": 1, "tracker": 5, "refiner": 15}


def published(
    stage: StageName, plan: VideoPlan, keep_score_min: float, steps: int, decay_at: int
) -> StagePreset:
    """Return a stage's settings.

    Args:
        stage: what learns.
        plan: of the family, with its augmentation; batches of 8 clips.
        keep_score_min: threshold of the emergence simulation in stage B.
        steps: length of the stage.
        decay_at: step at which the rate falls to a tenth.
    """
    refining = stage == "refiner"
    frames = CLIP_FRAMES[stage]
    # The refiner's masks are tubes through all frames.
    recipe = _recipe(NUM_POINTS * frames if refining else NUM_POINTS, decay_at)
    sampling = ClipSampling(frames, reverse_share=0.5 if refining else 0.0)
    return StagePreset(recipe, replace(plan, sampling=sampling), _tracker(keep_score_min), steps)


def _recipe(num_points: int, decay_at: int) -> Recipe:
    return Recipe(
        learning_rate=1e-4,
        weight_decay=0.05,
        clip_norm=0.01,
        warm_up_steps=0,
        decay_steps=(decay_at,),
        decay_factor=0.1,
        backbone_factor=0.1,
        live_norms=False,
        average_decay=0.0,
        precision="bf16",
        criterion=Criterion(
            cost=MatchCost(num_points=num_points), sampling=PointSampling(count=num_points)
        ),
        auxiliary_weight=0.0,
        pilot_weight=0.0,
    )


def _tracker(keep_score_min: float) -> TrackerRecipe:
    return TrackerRecipe(
        short_steps=10_000,
        keep_score_min=keep_score_min,
        max_rows=None,
        min_tracked=3,
        drop_share=0.0,
        hold_share=0.0,
        anchor_no_object=0.1,
        views=1,
        slot_weight=1.0,
        varied_order=False,
        likeness_start=False,
        supervise_start=True,
    )
