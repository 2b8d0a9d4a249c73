"""One object, one track: a rule of our own for models that have not learned it.

Differs from reference: nothing is suppressed there (SPEC.md 3.3). The released models leave the
rule off; a small model that trained for hours puts several tracks on one object without it.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from maskstream_model.config import OnlineConfig
from maskstream_model.daq.lifecycle import Verdict


def settle_doubles(
    verdict: Verdict,
    missed_frames: Tensor,
    rules: OnlineConfig,
    masks_of: Callable[[Tensor, Tensor], Tensor],
) -> Verdict:
    """Return a verdict in which a track on an older one is missed, and a newcomer is not born.

    Args:
        verdict: what the scores alone decide.
        missed_frames: `(N,)` int64, consecutive missed frames before this one, oldest track first.
        rules: patience, and `double_iou_max`; None there changes nothing.
        masks_of: makes masks `(S + M, H, W)` bool of `S` tracks and `M` anchors, given as indices.
    """
    if rules.double_iou_max is None:
        return verdict
    rows = verdict.seen.nonzero()[:, 0]
    doubles = find_doubles(mask_ious(masks_of(rows, verdict.born)), rules.double_iou_max)
    seen = verdict.seen.index_fill(0, rows[doubles[: len(rows)]], False)
    missed = torch.where(seen, 0, missed_frames + 1)
    born = verdict.born[~doubles[len(rows) :]]
    gone = missed >= rules.max_missed_frames
    return replace(verdict, seen=seen, gone=gone, missed_frames=missed, born=born)


def mask_ious(masks: Tensor) -> Tensor:
    """Return the IoU `(M, M)` of every pair of masks `(M, H, W)` bool; empty masks have 0."""
    flat = masks.flatten(1).float()
    shared, areas = flat @ flat.T, flat.sum(1)
    return shared / (areas[:, None] + areas[None] - shared).clamp(min=1.0)


def find_doubles(ious: Tensor, iou_max: float) -> Tensor:
    """Return which rows lie on an earlier row that is no double itself, `(M,)` bool on the CPU.

    Args:
        ious: `(M, M)`; the one of two rows that is to stay comes first.
        iou_max: above it two masks show one object.
    """
    close = (ious > iou_max).cpu().tril(-1)
    doubles = torch.zeros(len(close), dtype=torch.bool)
    for row in range(1, len(close)):
        doubles[row] = (close[row] & ~doubles).any()
    return doubles
