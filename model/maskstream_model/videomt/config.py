"""Facts of a VidEoMT model: its network, its rules, its classes and its task."""

from dataclasses import dataclass, fields, replace
from typing import Any, cast

from maskstream_model.config.model import Task, checked_task
from maskstream_model.config.rules import check_ranges, refuse_unknown
from maskstream_model.port import ClassInfo

OPTIONAL = ("min_size", "max_missed_frames")
"""Rules that may be None."""


@dataclass(frozen=True)
class NetworkConfig:
    """A DINOv2 vision transformer with queries; the defaults are the released ViT-S.

    Attributes:
        width: `C`, channels of all tokens.
        depth: blocks.
        heads: attention heads of a block.
        query_blocks: the last blocks, in which queries take part.
        num_queries: `Q`.
        grid: (rows, columns) of patches that positions were learned for. In a file the length of
            the table gives the square.
        norm_queries: whether queries are normalised before they go to the next frame.
    """

    width: int = 384
    depth: int = 12
    heads: int = 6
    query_blocks: int = 3
    num_queries: int = 200
    grid: tuple[int, int] = (40, 40)
    norm_queries: bool = False

    @property
    def kind(self) -> str:
        """Description for messages."""
        return f"vit ({self.width} wide, {self.depth} blocks)"


@dataclass(frozen=True)
class VideomtRules:
    """How a model is run (docs/decisions/0073); scores are 0 to 1 and of a single frame.

    Attributes:
        emergence_score_min: score above which a query starts a track.
        tracked_score_min: score above which a track counts as seen.
        max_missed_frames: consecutive missed frames after which a track disappears; None: never, as
            in the authors' code.
        min_size: shorter side in pixels that frames are resized to; None keeps their own size.
        max_size: limit of the longer side after that resize.
        report_score_min: score over all frames of a track from which it is reported; the
            server's default for the wire's `min_score`. It has no influence on tracking.
        show_score_min: the same, from which a reported track is drawn.
        object_score_min: score above which a track takes part in a panoptic picture. It and
            `overlap_min` have no influence on tracking (docs/model.md 3.6).
        overlap_min: share of its own mask that a track must win there, or be left out.
    """

    emergence_score_min: float = 0.1
    tracked_score_min: float = 0.1
    max_missed_frames: int | None = 300
    min_size: int | None = 448
    max_size: int = 1333
    report_score_min: float = 0.3
    show_score_min: float = 0.0
    object_score_min: float = 0.8
    overlap_min: float = 0.8

    def __post_init__(self) -> None:
        """Check ranges, so that a bad override is one clear sentence.

        Raises:
            ConfigError: a score or share outside 0 to 1, or a count or size below 1.
        """
        check_ranges(self, OPTIONAL)


@dataclass(frozen=True)
class VideomtConfig:
    """All facts of one preset; implements `tasks.rules.TaskConfig`.

    Attributes:
        name: of the preset.
        classes: in the order of the class logits; things first.
        network: what is built.
        online: how it is run.
        task: default task.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    network: NetworkConfig = NetworkConfig()
    online: VideomtRules = VideomtRules()
    task: Task = "instances"

    @property
    def num_classes(self) -> int:
        """`K`, without the no-object class."""
        return len(self.classes)

    def for_task(self, task: str) -> "VideomtConfig":
        """Return this configuration for another task; only a model with stuff classes has several.

        Raises:
            ConfigError: an unknown task, or one that the model was not made for.
        """
        return replace(self, task=checked_task(self, task))

    def override(self, **overrides: object) -> "VideomtConfig":
        """Return this preset with some of its rules replaced.

        Raises:
            ConfigError: an unknown rule, or a value out of range.
        """
        refuse_unknown(overrides, [item.name for item in fields(VideomtRules)])
        return replace(self, online=replace(self.online, **cast(dict[str, Any], overrides)))
