"""How each model is trained, stage by stage: `demo` on synthetic clips, the others as published.

What all published DVIS-DAQ models share is in the paper's appendix .1 (docs/model.md 6): the
tracker learns on a frozen segmenter, the refiner on a frozen online model. Of the segmenter's
training the paper only says that it is DVIS++'s: its stage uses the same optimiser, with single
frames for clips.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from maskstream_model.config import ModelConfig, VitAdapterConfig
from maskstream_model.errors import ConfigError
from maskstream_train.data.synthetic import SyntheticConfig
from maskstream_train.training.augmentation import Augmentation
from maskstream_train.training.clip_sampling import ClipSampling
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.matcher import MatchCost
from maskstream_train.training.packed_sampling import PackedViews
from maskstream_train.training.points import PointSampling
from maskstream_train.training.recipes import Hiding, Recipe, TrackerRecipe, tracker_criterion
from maskstream_train.training.run_options import BatchPlan, Mix, Plan
from maskstream_train.training.video_plan import VideoPlan
from maskstream_train.training.windows import Views

StageName = Literal["segmenter", "tracker", "refiner"]

NUM_POINTS = 12544
"""Of a frame: 112 x 112."""
CLIP_FRAMES = {"segmenter": 1, "tracker": 5, "refiner": 15}


@dataclass(frozen=True)
class StagePreset:
    """How one stage is trained; every field can be overridden by name (`overrides.py`).

    Attributes:
        recipe: optimisation and losses.
        plan: of clips; the caller fills in their source.
        tracker: rules of the tracker stage.
        steps: length of the stage; None: as long as the time budget.
    """

    recipe: Recipe
    plan: Plan
    tracker: TrackerRecipe
    steps: int | None = None


@dataclass(frozen=True)
class DatasetSettings:
    """Settings of the published models that depend on the data set (docs/model.md 6.3).

    Attributes:
        keep_score_min: threshold of the emergence simulation in stage B.
        pictures: category of a COCO picture to the names of its class, for pseudo-clips; those that
            the model does not have are left out.
        steps: length of a stage. The paper states 160k steps for all data sets; the released
            configuration of VIPSeg has 90k.
        decay_at: step at which the rate falls to a tenth.
        augmentation: of clips.
        disappearance_simulation: see `TrackerRecipe`.
    """

    keep_score_min: float
    pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: int = 160_000
    decay_at: int = 112_000
    augmentation: Augmentation = field(default_factory=Augmentation)
    disappearance_simulation: Hiding = "random"


def _alike(names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names.split()}


OVIS = DatasetSettings(
    0.1,
    # COCO's birds are left out, as in the reference.
    _alike("person bicycle motorcycle airplane boat cat dog horse sheep cow elephant bear zebra")
    | _alike("giraffe")
    | dict.fromkeys(("car", "bus", "truck"), ("vehicle",)),
)
YTVIS = DatasetSettings(
    0.02,
    _alike("person airplane train truck boat bird cat dog horse cow elephant bear zebra giraffe")
    | _alike("skateboard surfboard")
    | {
        "bicycle": ("motorbike",),
        "motorcycle": ("motorbike",),
        "car": ("car", "sedan"),
        "frisbee": ("flying_disc",),
        "skis": ("snowboard",),
        "snowboard": ("snowboard",),
        "tennis racket": ("tennis_racket",),
    },
)
VIPSEG = DatasetSettings(
    0.01,
    steps=90_000,
    decay_at=66_000,
    augmentation=Augmentation(
        short_sides=(480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800),
        max_long_side=1333,
        crop_share=0.0,
    ),
    disappearance_simulation="off",
)
FAMILIES = {"ovis": OVIS, "ytvis19": YTVIS, "ytvis21": YTVIS, "vipseg": VIPSEG}
"""Settings by the part of a model's name that is its data set, as in `daq_r50_ovis`."""


def training_preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return how a stage of a model is trained.

    Raises:
        ConfigError: there are no recipes for the model's family, or it has no such stage.
    """
    if (stage == "refiner") != (config.offline is not None):
        raise ConfigError(
            f"{config.name} has no stage {stage}: offline models learn their refiner, on an "
            "online model that was trained before"
        )
    for part in config.name.split("_"):
        if part == "demo":
            return _demo(stage)
        if part in FAMILIES:
            return _published(FAMILIES[part], config, stage)
    raise ConfigError(f"there is no training preset for {config.name}")


def _demo(stage: StageName) -> StagePreset:
    """Return a stage of a small model that learns in hours on two cores.

    Not in the paper; docs/decisions/0004, 0024 and the docstrings of the fields say why these
    numbers. The tracker's clips are longer and its batches smaller.
    """
    clips = SyntheticConfig(height=128, width=224, num_frames=2)
    if stage == "segmenter":
        recipe = Recipe(learning_rate=8e-4, backbone_factor=0.3, imagenet=True, live_norms=False)
        return StagePreset(recipe, BatchPlan(clips), TrackerRecipe())
    recipe = Recipe(learning_rate=5e-4, criterion=tracker_criterion(Criterion(), 0.2))
    # Windows on stills are what moves there: faster than in the segmenter's pairs.
    still = Views(drift=0.3, growth=0.15)
    views = PackedViews(still, max_stride=4, lookalike_share=0.6, followed=True)
    mix = Mix(still_share=0.35, video_share=0.25, views=views)
    plan = BatchPlan(replace(clips, num_frames=6), mix, batch_size=4)
    return StagePreset(recipe, plan, TrackerRecipe())


def _published(settings: DatasetSettings, config: ModelConfig, stage: StageName) -> StagePreset:
    """Return a stage of a published model; batches of 8 clips."""
    steps, decay_at = settings.steps, settings.decay_at
    large = isinstance(config.segmenter.backbone, VitAdapterConfig)
    if stage == "refiner" and large and settings is OVIS:
        steps, decay_at = 80_000, 56_000
    frames, refining = CLIP_FRAMES[stage], stage == "refiner"
    known = {item.name for item in config.classes}
    plan = VideoPlan(
        picture_classes={
            ours: name
            for ours, names in settings.pictures.items()
            for name in names
            if name in known
        },
        augmentation=settings.augmentation,
        sampling=ClipSampling(frames, reverse_share=0.5 if refining else 0.0),
    )
    # The refiner's masks are tubes through all frames.
    recipe = _recipe(NUM_POINTS * frames if refining else NUM_POINTS, decay_at)
    return StagePreset(recipe, plan, _tracker(settings), steps)


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


def _tracker(settings: DatasetSettings) -> TrackerRecipe:
    return TrackerRecipe(
        short_steps=10_000,
        keep_score_min=settings.keep_score_min,
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
        disappearance_simulation=settings.disappearance_simulation,
    )
