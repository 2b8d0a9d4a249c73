"""How a model is run: scores, sizes and windows, which an operator may override."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Self, cast

from maskstream_model.config.networks import RefinerConfig
from maskstream_model.errors import ConfigError


@dataclass(frozen=True)
class Rules:
    """What the rules of every family have; scores and shares are 0 to 1.

    Attributes:
        min_size: shorter side in pixels that frames are resized to; None keeps their own size.
        max_size: limit of the longer side after that resize.
        report_score_min: score from which a track is reported; the server's default for the wire's
            `min_score`. It has no influence on tracking.
        show_score_min: score from which a reported track is drawn and exported as visible; 0:
            from its first report on. It has no influence on tracking.
        object_score_min: score above which a track takes part in a panoptic picture. It and
            `overlap_min` have no influence on tracking (docs/model.md 3.6).
        overlap_min: share of its own mask that a track must win there, or be left out.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = ("min_size",)
    """Rules that may be None."""

    min_size: int | None = 480
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
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None or item.name not in self.OPTIONAL:
                _check_range(item.name, value)

    def override(self, **overrides: object) -> Self:
        """Return these rules with some of them replaced.

        Raises:
            ConfigError: an unknown rule, or a value out of range.
        """
        refuse_unknown(overrides, [item.name for item in fields(self)])
        return replace(self, **cast(dict[str, Any], overrides))


@dataclass(frozen=True)
class OnlineConfig(Rules):
    """Rules of the online tracker (docs/model.md 3.2 to 3.4); scores are 0 to 1.

    Attributes:
        first_frame_score_min: segmenter score above which a query starts a track on frame 1.
        tracked_score_min: tracker 1's score above which a tracked query counts as seen.
        emergence_score_min: tracker 1's score above which an emergence anchor becomes a track.
            The released models use one number for this and for `tracked_score_min`.
        keep_score_min: tracker 2's score above which a tracked query counts as seen; None
            where tracker 2 does not decide (YouTube-VIS and VIPSeg rules).
        max_missed_frames: consecutive missed frames after which a track disappears.
        appearance_window: earlier visible appearances that the momentum is compared with.
        double_iou_max: IoU above which two masks of a frame show one object, of which the track
            that showed it last stays (`daq/duplicates.py`); None, as in the released models,
            suppresses nothing.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = (*Rules.OPTIONAL, "keep_score_min", "double_iou_max")

    first_frame_score_min: float = 0.01
    tracked_score_min: float = 0.1
    emergence_score_min: float = 0.1
    keep_score_min: float | None = 0.01
    max_missed_frames: int = 8
    appearance_window: int = 9
    double_iou_max: float | None = None


@dataclass(frozen=True)
class OfflineConfig:
    """Rules of an offline model (docs/model.md 4, docs/decisions/0009).

    Attributes:
        refiner: the network.
        max_kept: tracks of a window that are refined, at most; naive sequences fill the rest of
            as many rows as there are segment queries.
        max_results: `(track, class)` pairs that are reported of a video.
        window: frames that are refined together; None for the whole video, as the reference does.
        overlap: frames that a window shares with the next one; fewer than `window`.
    """

    refiner: RefinerConfig = field(default_factory=RefinerConfig)
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


def refuse_unknown(overrides: Iterable[str], known: Sequence[str]) -> None:
    """Check that all names of overrides are known.

    Raises:
        ConfigError: one is not; the text names those that are.
    """
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise ConfigError(f"unknown override {', '.join(unknown)}; known are {', '.join(known)}")


def _check_range(name: str, value: object) -> None:
    """Check a rule by its name: scores and shares end in `_min` or `iou_max`, others are counts."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ConfigError(f"{name} must be a number, not {value!r}")
    if name.endswith(("_min", "iou_max")):
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} must lie between 0 and 1, not {value!r}")
    elif not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} must be a whole number of at least 1")
