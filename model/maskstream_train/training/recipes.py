"""How a stage learns: optimisation, losses, and the rules of the tracker stage.

Defaults suit a small model on synthetic clips; `presets/` has the others.
"""

from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

from maskstream_model.config import ModelConfig
from maskstream_model.errors import ConfigError
from maskstream_train.training.criterion import Criterion

Precision = Literal["fp32", "bf16"]
Anchors = Literal["dynamic", "static"]
Frozen = Literal["none", "backbone", "segmenter"]
"""Frozen part of a segmenter; of the whole segmenter, the class head still learns."""
Hiding = Literal["off", "one", "continuous", "random"]


@dataclass(frozen=True)
class Recipe:
    """Optimisation and loss settings.

    Attributes:
        learning_rate: peak rate of AdamW.
        weight_decay: decay of matrices; norms, biases and embeddings have none.
        clip_norm: limit of the gradient's norm over all parameters.
        warm_up_steps: linear rise of the rate.
        decay_steps: steps at which the rate is multiplied by `decay_factor`; None lets it fall
            along a cosine over the budget.
        decay_factor: see there.
        backbone_factor: on the rate of the backbone; 0 freezes it.
        imagenet: the segmenter's backbone, an EfficientNet-Lite0, starts from ImageNet weights
            (`imagenet.py`) where no file is given to start from.
        restart: that of a file to start from is set back to ImageNet weights
            (`imagenet_restart.py`).
        live_norms: lets the segmenter's BatchNorm learn, as it must from scratch; without, it is
            frozen as in the released models.
        average_decay: of the averaged weights, which are what is exported; 0 averages nothing.
        precision: "bf16" runs matrix products under autocast, losses stay fp32.
        criterion: loss weights, matching costs, points.
        auxiliary_weight: of the dense helper losses of the segmenter stage; 0 turns them off.
        pilot_weight: of the losses of queries that start from true masks; 0 turns them off.
    """

    learning_rate: float = 8e-4
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    warm_up_steps: int = 200
    decay_steps: tuple[int, ...] | None = None
    decay_factor: float = 0.1
    backbone_factor: float = 1.0
    imagenet: bool = False
    restart: bool = False
    live_norms: bool = True
    average_decay: float = 0.998
    precision: Precision = "fp32"
    criterion: Criterion = field(default_factory=Criterion)
    auxiliary_weight: float = 1.0
    pilot_weight: float = 1.0


@dataclass(frozen=True)
class TrackerRecipe:
    """Settings of the tracker stage (docs/model.md 6.1 where a rule is named).

    Attributes:
        short_share: share of the budget in stage A, two frames a clip.
        short_steps: length of stage A in steps, instead of a share (10,000 in the reference).
        keep_score_min: stage B keeps rows whose score is above this. The OVIS models take 0.1;
            here that keeps about 8 duplicates beside 2 true rows of a clip, and anchors cannot
            learn to take an object without a track when every object has several.
        max_rows: most rows a clip carries to its next frame, the best ones; None for no limit.
        min_tracked: disappearance is simulated when more than this many rows carry an object.
        drop_share: chance that a matched row is dropped all the same in stage B, so that its
            object has to emerge again.
        hold_share: chance per clip and frame that rows with an object are kept even when their
            score fell, as tracks that miss frames are when the model is in use.
        anchor_no_object: class weight of no object for rows that are no tracks.
        views: training steps taken on one segmented batch (other frame orders and strides).
        slot_weight: weight of the losses of tracker 2, which shares its heads with tracker 1 but
            decides little (1 in the reference).
        varied_order: clips are also seen backwards and with gaps.
        likeness_start: begins as a search for look-alikes (`tracker_start.py`), not at random.
        supervise_start: tracker 1's state before its first layer takes part in the losses.
        anchors: "static" emergence anchors are learned and know nothing of the frame; they go
            without tracker 2 (paper, Fig. 2; for comparisons only).
        emergence_simulation: whether rows that carry an object may be dropped; without it all of
            them stay, and nothing emerges but what really does (Table 3a).
        disappearance_anchors: whether there is a tracker 2 (Table 3a, DDAQ).
        disappearance_simulation: on which frames tracker 2 loses an object that is there: none, one
            of the clip, all once it is drawn, or on each frame one that is drawn anew (Table 3d).
    """

    short_share: float = 0.12
    short_steps: int | None = None
    keep_score_min: float = 0.3
    max_rows: int | None = 16
    min_tracked: int = 3
    drop_share: float = 0.15
    hold_share: float = 0.7
    anchor_no_object: float = 0.1
    views: int = 2
    slot_weight: float = 0.5
    varied_order: bool = True
    likeness_start: bool = True
    supervise_start: bool = False
    anchors: Anchors = "dynamic"
    emergence_simulation: bool = True
    disappearance_anchors: bool = True
    disappearance_simulation: Hiding = "random"

    def __post_init__(self) -> None:
        """Check choices and ranges.

        Raises:
            ConfigError: a choice that is none, a share or score outside 0 to 1, or static anchors
                beside disappearance anchors.
        """
        for name, choices in (("anchors", Anchors), ("disappearance_simulation", Hiding)):
            if getattr(self, name) not in get_args(choices):
                known = ", ".join(get_args(choices))
                raise ConfigError(f"{name} is one of {known}, not {getattr(self, name)!r}")
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith(("_share", "_score_min")) and not 0 <= value <= 1:
                raise ConfigError(f"{item.name} must lie between 0 and 1, not {value}")
        if self.anchors == "static" and self.disappearance_anchors:
            raise ConfigError("static anchors go with disappearance_anchors=false")

    def model_of(self, config: ModelConfig) -> ModelConfig:
        """Return the model that is trained: `config` with the anchors that are asked for."""
        static = config.segmenter.num_queries if self.anchors == "static" else 0
        online = config.online
        if not self.disappearance_anchors:
            online = online.override(keep_score_min=None)
        tracker = replace(config.tracker, static_anchors=static)
        return replace(config, tracker=tracker, online=online)

    def is_short(self, step: int, progress: float) -> bool:
        """Say whether a step is in stage A; `progress` is the share of the budget spent before."""
        if self.short_steps is not None:
            return step < self.short_steps
        return progress < self.short_share


def tracker_criterion(base: Criterion, no_object: float) -> Criterion:
    """Return `base` with another no-object weight: too low a one lets anchors fire at will."""
    return replace(base, weights=replace(base.weights, no_object=no_object))
