"""One object, one track: a rule of our own for models that have not learned it.

Differs from reference: nothing is suppressed there (docs/model.md 3.3). The released models leave
the rule off; a small model that trained for hours puts several tracks on one object without it.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.lifecycle import Verdict, count_missed


def settle_doubles(
    verdict: Verdict,
    missed_frames: Tensor,
    rules: OnlineConfig,
    masks_of: Callable[[Tensor, Tensor], Tensor],
) -> Verdict:
    """Return a verdict in which an object has one track: the one that showed it last.

    Of two seen tracks on one place the one that was lost for longer is missed again (of equals the
    younger one): a track that looks for its lost object must not take over its neighbour. A
    newcomer on a seen track is not born. A newcomer on a track that was lost on this very frame is
    that track, found again: it counts as seen, and nobody is born.

    Args:
        verdict: what the scores alone decide.
        missed_frames: `(N,)` int64, consecutive missed frames before this one, oldest track first.
        rules: patience, and `double_iou_max`; None there changes nothing.
        masks_of: makes masks `(S + M, H, W)` bool of `S` tracks and `M` anchors, given as indices.
    """
    if rules.double_iou_max is None:
        return verdict
    latest = missed_frames.argsort(stable=True)
    seen = latest[verdict.seen[latest]]
    lost = (~verdict.seen & (missed_frames == 0)).nonzero()[:, 0]
    tracks = torch.cat([seen, lost])
    ious = mask_ious(masks_of(tracks, verdict.born)).cpu()
    close = ious[len(tracks) :, : len(tracks)] > rules.double_iou_max
    rows = torch.cat([torch.arange(len(seen)), found_again(close, len(seen))])
    shown = torch.cat([rows, torch.arange(len(tracks), len(ious))])
    stay = ~find_doubles(ious[shown][:, shown], rules.double_iou_max)
    is_seen = torch.zeros_like(verdict.seen)
    is_seen[tracks[rows[stay[: len(rows)]]]] = True
    missed, gone = count_missed(is_seen, missed_frames, rules)
    born = verdict.born[stay[len(rows) :]]
    return replace(verdict, seen=is_seen, gone=gone, missed_frames=missed, born=born)


def found_again(close: Tensor, num_seen: int) -> Tensor:
    """Return the rows, in order, of lost tracks on which a newcomer lies.

    Args:
        close: `(M, N)` bool, which of `M` newcomers lie on which of `N` tracks; seen ones first,
            then the lost ones, oldest first.
        num_seen: how many of the tracks were seen; who lies on one of them finds nobody.
    """
    lost = close[:, num_seen:] & ~close[:, :num_seen].any(1, keepdim=True)
    oldest = lost & (lost.cumsum(1) == 1)
    return num_seen + oldest.any(0).nonzero()[:, 0]


def mask_ious(masks: Tensor) -> Tensor:
    """Return the IoU `(M, M)` of every pair of masks `(M, H, W)` bool; empty masks have 0."""
    flat = masks.flatten(1).float()
    shared, areas = flat @ flat.T, flat.sum(1)
    return shared / (areas[:, None] + areas[None] - shared).clamp(min=1.0)


def find_doubles(ious: Tensor, iou_max: float) -> Tensor:
    """Return which rows lie on an earlier row that is no double itself, `(M,)` bool.

    Args:
        ious: `(M, M)` on the CPU; the one of two rows that is to stay comes first.
        iou_max: above it two masks show one object.
    """
    close = (ious > iou_max).tril(-1)
    doubles = torch.zeros(len(close), dtype=torch.bool)
    for row in range(1, len(close)):
        doubles[row] = (close[row] & ~doubles).any()
    return doubles
