"""Births, misses and deaths of tracks: pure rules on scores.

See docs/model.md 3.2, 3.3 steps 6 and 7.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.config import OnlineConfig


@dataclass(frozen=True)
class Scores:
    """Best class probabilities of one frame, float32 in 0..1.

    Attributes:
        tracked: `(N,)` of tracker 1 for the tracks.
        anchors: `(Q,)` of tracker 1 for the emergence anchors.
        keep: `(N,)` of tracker 2 for the tracks; None where it does not decide.
    """

    tracked: Tensor
    anchors: Tensor
    keep: Tensor | None = None


@dataclass(frozen=True)
class Decisions:
    """What the rules decide for one frame.

    Attributes:
        seen: `(N,)` bool, tracks that the frame shows.
        gone: `(N,)` bool, tracks that have been missed too often and disappear.
        missed_frames: `(N,)` int64, consecutive frames on which a track was not seen.
        born: `(M,)` int64, anchors that become tracks, in anchor order.
        num_refused: new tracks that `max_tracks` refused.
    """

    seen: Tensor
    gone: Tensor
    missed_frames: Tensor
    born: Tensor
    num_refused: int = 0


def decide_first_frame(scores: Tensor, rules: OnlineConfig) -> Decisions:
    """Decide which segment queries start tracks on the first frame of a video.

    Args:
        scores: `(Q,)` best class probabilities of the segmenter.
        rules: thresholds.
    """
    no_tracks = torch.zeros(0, dtype=torch.bool)
    born = _above(scores, rules.first_frame_score_min)
    return Decisions(no_tracks, no_tracks, torch.zeros(0, dtype=torch.int64), born)


def decide(scores: Scores, missed_frames: Tensor, rules: OnlineConfig) -> Decisions:
    """Decide which tracks were seen, which disappear, and which anchors become tracks.

    Args:
        scores: of this frame.
        missed_frames: `(N,)` int64, consecutive missed frames before this one.
        rules: thresholds and `max_missed_frames`.
    """
    seen = scores.tracked > rules.tracked_score_min
    if scores.keep is not None and rules.keep_score_min is not None:
        seen = seen & (scores.keep > rules.keep_score_min)
    missed, gone = count_missed(seen, missed_frames, rules)
    return Decisions(seen, gone, missed, _above(scores.anchors, rules.emergence_score_min))


def count_missed(seen: Tensor, missed_frames: Tensor, rules: OnlineConfig) -> tuple[Tensor, Tensor]:
    """Return consecutive missed frames `(N,)` after this one, and tracks now gone, `(N,)` bool.

    Args:
        seen: `(N,)` bool, tracks that this frame shows.
        missed_frames: `(N,)` int64, consecutive missed frames before this one.
        rules: `max_missed_frames`.
    """
    missed = torch.where(seen, 0, missed_frames + 1)
    return missed, missed >= rules.max_missed_frames


def admit(decisions: Decisions, scores: Tensor, max_tracks: int | None) -> Decisions:
    """Return decisions whose new tracks stay within the limit.

    Differs from reference: it has no limit. The new tracks with the lowest scores are refused; of
    equals the later one.

    Args:
        decisions: of a frame.
        scores: `(Q,)` of the anchors.
        max_tracks: limit of tracks alive, None for none.
    """
    born = decisions.born
    free = len(born) if max_tracks is None else max(0, max_tracks - int((~decisions.gone).sum()))
    if len(born) <= free:
        return decisions
    strongest = scores[born].argsort(descending=True, stable=True)[:free]
    return replace(decisions, born=born[strongest].sort().values, num_refused=len(born) - free)


def _above(scores: Tensor, score_min: float) -> Tensor:
    return (scores > score_min).nonzero()[:, 0]
