"""Emergence and disappearance simulation, EDS: choices of rows (docs/model.md 6.1).

Emergence: rows that are dropped between two frames leave their objects to the anchors, as if they
had just appeared. Disappearance: segment queries that show one tracked object are hidden from
tracker 2, as if it had just left.

Differs from reference: there, the list of objects that really disappeared and the list with the
simulated one are the same Python object whenever the first is not empty, so that tracker 1 is
taught that an object it plainly sees is gone (docs/model.md 8). Here the simulated object is
gone for tracker 2 only. And an object counts as gone on exactly the frames without its pixels; the
reference looks one frame ahead.
"""

import torch
from torch import Tensor

from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.recipes import Hiding


def keep_better_half(scores: Tensor, matched: Tensor) -> Tensor:
    """Stage A: of `m` matched rows drop the `m // 2` weakest, and all unmatched ones.

    Args:
        scores: `(B, R)` best foreground probability.
        matched: `(B, R)` bool.

    Returns:
        `(B, R)` bool, rows that become tracks.
    """
    order = scores.masked_fill(~matched, torch.inf).argsort(dim=1, stable=True)
    rank = order.argsort(dim=1, stable=True)
    return matched & (rank >= matched.sum(1, keepdim=True) // 2)


def keep_above(scores: Tensor, score_min: float) -> Tensor:
    """Stage B: keep every row whose score is above the threshold, matched or not."""
    return scores > score_min


def chance(shape: tuple[int, ...], share: float, generator: torch.Generator) -> Tensor:
    """Return bool of `shape`, True with probability `share`."""
    return torch.rand(shape, generator=generator, device=generator.device) < share


def draw_disappearing(objects: Tensor, min_tracked: int, generator: torch.Generator) -> Tensor:
    """Draw one tracked object per clip that is to disappear.

    Args:
        objects: `(B, N)` object of each track, `UNMATCHED` where none.
        min_tracked: nothing disappears unless more than this many rows carry an object.
        generator: draws.

    Returns:
        `(B,)` int64 object, `UNMATCHED` where nothing disappears.
    """
    carrying = objects != UNMATCHED
    if objects.shape[1] == 0:
        return torch.full((len(objects),), UNMATCHED, device=objects.device)
    draws = torch.rand(objects.shape, generator=generator, device=objects.device)
    row = draws.masked_fill(~carrying, -1.0).argmax(1, keepdim=True)
    enough = carrying.sum(1) > min_tracked
    return torch.where(enough, objects.gather(1, row)[:, 0], UNMATCHED)


def hide_over_time(choice: Hiding, drawn: Tensor, before: Tensor, its_turn: Tensor) -> Tensor:
    """Return which object of each clip is hidden on a frame (Table 3d), `UNMATCHED` for none.

    Args:
        choice: on which frames a clip hides one.
        drawn: `(B,)` object drawn on this frame, or `UNMATCHED`.
        before: `(B,)` object hidden on the frame before.
        its_turn: `(B,)` bool, clips of which this is the one frame.
    """
    if choice == "off":
        return torch.full_like(drawn, UNMATCHED)
    if choice == "one":
        return drawn.masked_fill(~its_turn, UNMATCHED)
    if choice == "continuous":
        return torch.where(before == UNMATCHED, drawn, before)
    return drawn


def shown_objects(costs: Tensor, rows: Tensor, present: Tensor, likely: Tensor) -> Tensor:
    """Return which object each segment query shows: the "auxiliary target" of docs/model.md 6.1.

    Args:
        costs: `(B, Q, O)` matching costs of the frame.
        rows: `(B, O)` matched query of each object, `UNMATCHED` where none.
        present: `(B, O)` bool.
        likely: `(B, Q)` bool, queries whose score is worth a thought.

    Returns:
        `(B, Q)` int64: the matched object, else the cheapest one of a likely query, else
        `UNMATCHED`.
    """
    cheapest = costs.masked_fill(~present[:, None], torch.inf).argmin(-1)
    shown = torch.where(likely & present.any(1, keepdim=True), cheapest, UNMATCHED)
    frame, item = (rows != UNMATCHED).nonzero(as_tuple=True)
    shown[frame, rows[frame, item]] = item
    return shown


def hidden_queries(shown: Tensor, gone: Tensor) -> Tensor:
    """Return `(B, Q)` bool: segment queries that show the simulated object `gone` `(B,)`."""
    return (shown == gone[:, None]) & (gone != UNMATCHED)[:, None]
