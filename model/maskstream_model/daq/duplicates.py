"""Suppression of duplicate tracks, for models that have not learned to avoid them.

Differs from reference: nothing is suppressed there (docs/model.md 3.3). The released models leave
the rule off; a small model that trained for hours puts several tracks on one object without it.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.lifecycle import Decisions, count_missed


def suppress_duplicates(
    decisions: Decisions,
    missed_frames: Tensor,
    rules: OnlineConfig,
    ious_of: Callable[[Tensor, Tensor], Tensor],
) -> Decisions:
    """Return decisions in which an object has one track: the one that showed it last.

    Of two seen tracks whose masks overlap, the one that was missed for longer is missed again (of
    equals the younger one): a track whose object is lost must not take over its neighbour. An
    anchor that overlaps a seen track starts no track. An anchor that overlaps a track missed only
    on this frame is that track, recovered: the track counts as seen, and no new one starts.

    Args:
        decisions: what the scores alone decide.
        missed_frames: `(N,)` int64, consecutive missed frames before this one, oldest track first.
        rules: `max_missed_frames`, and `double_iou_max`; None there changes nothing.
        ious_of: returns the IoUs `(S + M, S + M)`, on the CPU, of the masks of `S` tracks and `M`
            anchors, given as indices.
    """
    if rules.double_iou_max is None:
        return decisions
    latest = missed_frames.argsort(stable=True)
    seen = latest[decisions.seen[latest]]
    lost = (~decisions.seen & (missed_frames == 0)).nonzero()[:, 0]
    tracks = torch.cat([seen, lost])
    ious = ious_of(tracks, decisions.born)
    close = ious[len(tracks) :, : len(tracks)] > rules.double_iou_max
    rows = torch.cat([torch.arange(len(seen)), recovered_rows(close, len(seen))])
    shown = torch.cat([rows, torch.arange(len(tracks), len(ious))])
    stay = ~find_duplicates(ious[shown][:, shown], rules.double_iou_max)
    is_seen = torch.zeros_like(decisions.seen)
    is_seen[tracks[rows[stay[: len(rows)]]]] = True
    missed, gone = count_missed(is_seen, missed_frames, rules)
    born = decisions.born[stay[len(rows) :]]
    return replace(decisions, seen=is_seen, gone=gone, missed_frames=missed, born=born)


def recovered_rows(close: Tensor, num_seen: int) -> Tensor:
    """Return the rows, in order, of lost tracks that an anchor overlaps.

    Args:
        close: `(M, N)` bool, which of `M` anchors overlap which of `N` tracks; seen ones first,
            then the lost ones, oldest first.
        num_seen: how many of the tracks were seen; an anchor that overlaps one recovers none.
    """
    lost = close[:, num_seen:] & ~close[:, :num_seen].any(1, keepdim=True)
    oldest = lost & (lost.cumsum(1) == 1)
    return num_seen + oldest.any(0).nonzero()[:, 0]


def mask_ious(masks: Tensor) -> Tensor:
    """Return the IoU `(..., M, M)` of all pairs of masks `(..., M, H, W)` bool; of empty ones 0."""
    flat = masks.flatten(-2).float()  # (..., M, H, W) -> (..., M, H * W)
    shared, areas = flat @ flat.mT, flat.sum(-1)
    # (..., M, 1) + (..., 1, M) -> (..., M, M)
    unions = areas[..., :, None] + areas[..., None, :] - shared
    return shared / unions.clamp(min=1.0)


def find_duplicates(ious: Tensor, iou_max: float) -> Tensor:
    """Return which rows overlap an earlier row that is no duplicate itself, `(M,)` bool.

    Args:
        ious: `(M, M)` on the CPU; the one of two rows that is to stay comes first.
        iou_max: above it two masks show one object.
    """
    close = (ious > iou_max).tril(-1)
    duplicates = torch.zeros(len(close), dtype=torch.bool)
    for row in range(1, len(close)):
        duplicates[row] = (close[row] & ~duplicates).any()
    return duplicates
