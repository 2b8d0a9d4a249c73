"""Model facts: frozen, typed, one dataclass per part. Deployment facts live in the server."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from maskstream_model.errors import ConfigError

Task = Literal["instances", "panoptic", "semantic"]

OPTIONAL = ("keep_score_min", "min_size", "double_iou_max")
"""Rules that None turns off."""


@dataclass(frozen=True)
class ClassInfo:
    """One class of a model: `name` for people, `color` as `#rrggbb`, thing or stuff."""

    name: str
    color: str
    thing: bool = True


@dataclass(frozen=True)
class ResNetConfig:
    """Residual network; `widths` are output channels of res2..res5 (strides 4, 8, 16, 32)."""

    block: Literal["bottleneck", "basic"] = "bottleneck"
    stem_width: int = 64
    widths: tuple[int, int, int, int] = (256, 512, 1024, 2048)
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return f"resnet ({self.block})"


@dataclass(frozen=True)
class SwinConfig:
    """Swin Transformer; the defaults are the released Swin-L (reference SPEC.md section 2.2).

    Attributes:
        width: channels of res2; every further stage has twice as many.
        depths: blocks of the four stages.
        heads: attention heads of the four stages.
        window: tokens along a window's side.
        mlp_ratio: hidden width of the feed-forward networks, in widths of their stage.
    """

    width: int = 192
    depths: tuple[int, int, int, int] = (2, 2, 18, 2)
    heads: tuple[int, int, int, int] = (6, 12, 24, 48)
    window: int = 12
    mlp_ratio: int = 4

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "swin"

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Output channels of res2..res5 (strides 4, 8, 16, 32)."""
        return self.width, 2 * self.width, 4 * self.width, 8 * self.width


@dataclass(frozen=True)
class VitAdapterConfig:
    """Vision transformer with an adapter; the defaults are the released ViT-L (SPEC.md 2.3).

    Attributes:
        width: channels of all four maps.
        depth: blocks, a multiple of 4.
        heads: attention heads of a block.
        mlp_ratio: hidden width of a block's feed-forward network, in widths.
        position_grid: cells along a side of the grid that positions were learned for.
        prior_width: channels of the first convolutions of the spatial prior.
        sampling_heads: attention heads of the adapter.
        adapter_ffn_dim: hidden width of the adapter's feed-forward networks.
        extra_extractors: how often the adapter reads once more at the end.
    """

    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: int = 4
    position_grid: int = 37
    prior_width: int = 64
    sampling_heads: int = 16
    adapter_ffn_dim: int = 256
    extra_extractors: int = 2

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "vit-adapter"

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Output channels of res2..res5 (strides 4, 8, 16, 32)."""
        return self.width, self.width, self.width, self.width


BackboneConfig = ResNetConfig | SwinConfig | VitAdapterConfig


@dataclass(frozen=True)
class SegmenterConfig:
    """Mask2Former; the defaults are the released ResNet-50 models (reference SPEC.md section 2)."""

    backbone: BackboneConfig = ResNetConfig()
    num_queries: int = 100
    hidden_dim: int = 256
    num_heads: int = 8
    pixel_layers: int = 6
    pixel_heads: int = 8
    pixel_ffn_dim: int = 1024
    decoder_layers: int = 9
    decoder_ffn_dim: int = 2048


@dataclass(frozen=True)
class TrackerConfig:
    """The two query trackers of DVIS-DAQ (reference SPEC.md section 3.1).

    Attributes:
        num_layers: layers of each tracker.
        num_heads: attention heads of a layer.
        ffn_dim: hidden width of the feed-forward networks.
        num_background: background rows beside the tracks in tracker 2.
        static_anchors: emergence anchors with learned features and positions, the same on every
            frame, in place of the dynamic ones; 0 for dynamic ones. For comparisons only.
    """

    num_layers: int = 6
    num_heads: int = 8
    ffn_dim: int = 2048
    num_background: int = 5
    static_anchors: int = 0


@dataclass(frozen=True)
class OnlineConfig:
    """Rules of the online tracker (reference SPEC.md sections 3.2 to 3.4); scores are 0 to 1.

    Attributes:
        first_frame_score_min: segmenter score above which a query starts a track on frame 1.
        tracked_score_min: tracker 1's score above which a tracked query counts as seen.
        emergence_score_min: tracker 1's score above which an emergence anchor becomes a track.
            The released models use one number for this and for `tracked_score_min`.
        keep_score_min: tracker 2's score above which a tracked query counts as seen; None
            where tracker 2 does not decide (YouTube-VIS and VIPSeg rules).
        max_missed_frames: consecutive missed frames after which a track disappears.
        appearance_window: earlier visible appearances that the momentum is compared with.
        min_size: shorter side in pixels that frames are resized to; None keeps their own size.
        max_size: limit of the longer side after that resize.
        report_score_min: score from which a track is worth showing; the server's default for
            the wire's `min_score`. It has no influence on tracking.
        double_iou_max: IoU above which two masks of a frame show one object, of which the older
            track stays (`daq/doubles.py`); None, as in the released models, suppresses nothing.
        object_score_min: score above which a track takes part in a panoptic picture. It and
            `overlap_min` have no influence on tracking (SPEC.md section 3.6).
        overlap_min: share of its own mask that a track must win there, or be left out.
    """

    first_frame_score_min: float = 0.01
    tracked_score_min: float = 0.1
    emergence_score_min: float = 0.1
    keep_score_min: float | None = 0.01
    max_missed_frames: int = 8
    appearance_window: int = 9
    min_size: int | None = 480
    max_size: int = 1333
    report_score_min: float = 0.3
    double_iou_max: float | None = None
    object_score_min: float = 0.8
    overlap_min: float = 0.8

    def __post_init__(self) -> None:
        """Check ranges, so that a bad override is one clear sentence.

        Raises:
            ConfigError: a score or share outside 0 to 1, or a count or size below 1.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.name in OPTIONAL:
                continue
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ConfigError(f"{field.name} must be a number, not {value!r}")
            if field.name.endswith(("_min", "iou_max")):
                if not 0 <= value <= 1:
                    raise ConfigError(f"{field.name} must lie between 0 and 1, not {value!r}")
            elif not isinstance(value, int) or value < 1:
                raise ConfigError(f"{field.name} must be a whole number of at least 1")

    def override(self, **overrides: object) -> "OnlineConfig":
        """Return this configuration with some fields replaced.

        Raises:
            ConfigError: an unknown field, or a value out of range.
        """
        _refuse_unknown(overrides, [field.name for field in fields(self)])
        return replace(self, **overrides)  # type: ignore[arg-type]


@dataclass(frozen=True)
class RefinerConfig:
    """The temporal refiner of an offline model (reference SPEC.md section 4, point 5).

    Attributes:
        num_layers: of the refiner.
        num_heads: attention heads of a layer.
        ffn_dim: hidden width of the feed-forward networks.
        local_attention: whether convolutions over time follow the attention along it.
    """

    num_layers: int = 6
    num_heads: int = 8
    ffn_dim: int = 2048
    local_attention: bool = False


@dataclass(frozen=True)
class OfflineConfig:
    """Rules of an offline model (reference SPEC.md section 4, decisions/0009).

    Attributes:
        refiner: the network.
        max_kept: tracks of a window that are refined, at most; naive sequences fill the rest of
            as many rows as there are segment queries.
        max_results: `(track, class)` pairs that are reported of a video.
        window: frames that are refined together; None for the whole video, as the reference does.
        overlap: frames that a window shares with the next one; fewer than `window`.
    """

    refiner: RefinerConfig = RefinerConfig()
    max_kept: int = 40
    max_results: int = 20
    window: int | None = 40
    overlap: int = 10

    def __post_init__(self) -> None:
        """Check ranges, so that a bad override is one clear sentence.

        Raises:
            ConfigError: a count below its least, or windows that do not go forward.
        """
        for name, least in (("max_kept", 0), ("max_results", 1), ("window", 1), ("overlap", 0)):
            value = getattr(self, name)
            if name == "window" and value is None:
                continue
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ConfigError(f"{name} must be a whole number of at least {least}")
        if self.window is not None and self.overlap >= self.window:
            raise ConfigError(
                f"overlap must be less than window, not {self.overlap} of {self.window} frames"
            )


def _refuse_unknown(overrides: Iterable[str], known: Sequence[str]) -> None:
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise ConfigError(f"unknown override {', '.join(unknown)}; known are {', '.join(known)}")


@dataclass(frozen=True)
class ModelConfig:
    """All facts of one preset: what is built, how it is run, what its classes mean."""

    name: str
    classes: tuple[ClassInfo, ...]
    segmenter: SegmenterConfig = SegmenterConfig()
    tracker: TrackerConfig = TrackerConfig()
    online: OnlineConfig = OnlineConfig()
    task: Task = "instances"
    offline: OfflineConfig | None = None

    @property
    def num_classes(self) -> int:
        """`K`, without the no-object class."""
        return len(self.classes)

    def for_task(self, task: str) -> "ModelConfig":
        """Return this configuration for another task; only a model that knows stuff has several.

        Raises:
            ConfigError: an unknown task, or one that the model was not made for.
        """
        if task not in get_args(Task):
            raise ConfigError(f"unknown task {task!r}; known are {', '.join(get_args(Task))}")
        if task != self.task and all(info.thing for info in self.classes):
            raise ConfigError(f"{self.name} knows no stuff: its task is {self.task}, not {task}")
        return replace(self, task=task)  # type: ignore[arg-type]

    def override(self, **overrides: object) -> "ModelConfig":
        """Return this preset with some fields of its online and offline rules replaced.

        Raises:
            ConfigError: an unknown field, or a value out of range.
        """
        online = [field.name for field in fields(self.online)]
        offline = [field.name for field in fields(OfflineConfig) if field.name != "refiner"]
        _refuse_unknown(overrides, online if self.offline is None else [*online, *offline])
        changed = replace(self, online=replace(self.online, **_only(overrides, online)))
        if changed.offline is None:
            return changed
        return replace(changed, offline=replace(changed.offline, **_only(overrides, offline)))


def _only(values: Mapping[str, object], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
