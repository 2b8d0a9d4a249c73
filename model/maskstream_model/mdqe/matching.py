"""Which instances of a clip are which tracks (docs/model.md 14.5)."""

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

MATCH_MIN = 0.6
"""Of the sum of both scores, from which a pair is one object."""
SAME_MASK = 0.4
SAME_EMBED = 0.6
"""Scores from which an instance that matches no track shows one that another matches."""


@dataclass(frozen=True)
class Matches:
    """Pairs of tracks and instances, and the instances that are new; indices on the CPU.

    Attributes:
        tracks: `(P,)` int64.
        instances: `(P,)` int64.
        others: int64, instances that are neither a track nor its double, in their order.
    """

    tracks: Tensor
    instances: Tensor
    others: Tensor


def match(mask_scores: Tensor, embed_scores: Tensor) -> Matches:
    """Pair tracks with instances such that the sum of their scores is the largest.

    Args:
        mask_scores: `(N, I)` on the CPU.
        embed_scores: `(N, I)` on the CPU.
    """
    total = mask_scores + embed_scores
    good = torch.where(total > MATCH_MIN, total, 0.0)
    tracks, chosen = map(torch.from_numpy, linear_sum_assignment(good.numpy(), maximize=True))
    taken = good[tracks, chosen] > 0
    tracks, chosen = tracks[taken], chosen[taken]
    free = torch.ones(total.shape[1], dtype=torch.bool)
    free[chosen] = False
    if len(total):
        free &= (mask_scores.amax(0) <= SAME_MASK) & (embed_scores.amax(0) <= SAME_EMBED)
    return Matches(tracks, chosen, free.nonzero()[:, 0])


def mask_scores(stored: Tensor, new: Tensor) -> Tensor:
    """Return `(N, I)`: IoU of the masks of tracks and instances on the frames that both have.

    Args:
        stored: `(N, T, H, W)` mask logits of tracks.
        new: `(I, T, H, W)` of instances.
    """
    ours, theirs = ((each > 0).flatten(1).float() for each in (stored, new))
    common = ours @ theirs.T
    union = ours.sum(1)[:, None] + theirs.sum(1) - common
    return common / union.clamp(min=1)


def embed_scores(tracks: Tensor, new: Tensor, known: Tensor, recent: Tensor) -> Tensor:
    """Return `(N, I)`: how likely tracks and instances are one, by their embeddings.

    Args:
        tracks: `(N, C)`.
        new: `(I, C)`.
        known: `(N,)` bool, tracks that may be matched.
        recent: `(N,)` bool, those of them that were there of late: twice compared.
    """
    dots = tracks @ new.T
    scores = torch.zeros_like(dots)
    scores[known] = both_ways(dots[known])
    scores[recent] = (scores[recent] + both_ways(dots[recent])) / 2
    return scores


def both_ways(dots: Tensor) -> Tensor:
    """Return the mean of the softmax over rows and columns `(n, i)`; one alone says nothing."""
    rows, columns = dots.shape
    if not rows or not columns:
        return dots
    if rows == 1 and columns == 1:
        return torch.ones_like(dots)
    if rows == 1:
        return dots.softmax(1)
    if columns == 1:
        return dots.softmax(0)
    return (dots.softmax(0) + dots.softmax(1)) / 2
