"""When a query begins a track, shows it, and ends it."""

from dataclasses import dataclass
from typing import ClassVar

from maskstream_model.config import Rules


@dataclass(frozen=True)
class SlotRules(Rules):
    """Rules of models whose queries are tracks; scores are 0 to 1 and of a single step.

    Attributes:
        emergence_score_min: score above which a query starts a track.
        tracked_score_min: score above which a track counts as seen.
        max_missed_frames: consecutive missed frames after which a track disappears; None: never, as
            in the authors' code.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = (*Rules.OPTIONAL, "max_missed_frames")

    emergence_score_min: float = 0.1
    tracked_score_min: float = 0.1
    max_missed_frames: int | None = 300
