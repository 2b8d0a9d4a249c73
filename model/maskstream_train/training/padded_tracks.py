"""The tracks that training carries from frame to frame, padded over the clips of a batch."""

from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.daq.appearance import update_momentum
from maskstream_model.daq.tracker import TrackedQueries
from maskstream_train.training.matcher import UNMATCHED


@dataclass(frozen=True)
class PaddedTracks:
    """Tracks of `B` clips; padding rows are not `valid` and carry no object.

    Attributes:
        features: `(B, N, C)`, with gradients through time (docs/model.md 6.1).
        positions: `(B, N, C)` momentum appearances.
        history: `(B, N, W, C)` ring of earlier appearances, without gradient.
        counts: `(B, N)` int64, appearances ever put into the ring.
        objects: `(B, N)` int64, the object each row was matched with, or `UNMATCHED`.
        valid: `(B, N)` bool.
    """

    features: Tensor
    positions: Tensor
    history: Tensor
    counts: Tensor
    objects: Tensor
    valid: Tensor

    @property
    def queries(self) -> TrackedQueries:
        """What the trackers take."""
        return TrackedQueries(self.features, self.positions, self.valid)

    def held(self, num_objects: int) -> Tensor:
        """Return `(B, O)` bool: objects that some row carries."""
        items = torch.arange(num_objects, device=self.objects.device)
        return (self.objects[:, :, None] == items).any(1)


def no_tracks(batch: int, width: int, window: int, device: torch.device) -> PaddedTracks:
    """Return the tracks before a first frame: none."""
    none = torch.zeros(batch, 0, dtype=torch.int64, device=device)
    rows = torch.zeros(batch, 0, width, device=device)
    history = torch.zeros(batch, 0, window, width, device=device)
    return PaddedTracks(rows, rows, history, none, none, none.bool())


def with_anchors(tracks: PaddedTracks, features: Tensor, objects: Tensor) -> PaddedTracks:
    """Return all rows of a frame: tracks with their new features, then anchors with no past.

    Args:
        tracks: as they were before the frame.
        features: `(B, N + R, C)` final states of tracker 1, tracks first.
        objects: `(B, R)` objects that the anchors were matched with.
    """
    batch, num_anchors = objects.shape

    def grown(values: Tensor) -> Tensor:
        fresh = values.new_zeros(batch, num_anchors, *values.shape[2:])
        return torch.cat([values, fresh], 1)

    return PaddedTracks(
        features=features,
        positions=grown(tracks.positions),
        history=grown(tracks.history),
        counts=grown(tracks.counts),
        objects=torch.cat([tracks.objects, objects], 1),
        valid=torch.cat([tracks.valid, torch.ones_like(objects, dtype=torch.bool)], 1),
    )


def compact(
    rows: PaddedTracks, keep: Tensor, scores: Tensor, max_rows: int | None
) -> tuple[PaddedTracks, Tensor]:
    """Keep some rows; where too many are kept, those with objects and then high scores go first.

    Args:
        rows: all rows of a frame.
        keep: `(B, R)` bool.
        scores: `(B, R)` in 0..1.
        max_rows: most rows of a clip, None for all.

    Returns:
        the kept rows, padded to the longest clip, and where they were, `(B, N)` int64.
    """
    keep = keep & rows.valid
    rank = keep * (1.0 + scores + 2.0 * (rows.objects != UNMATCHED))
    most = int(keep.sum(1).max())
    longest = most if max_rows is None else min(max_rows, most)
    chosen = rank.topk(longest, dim=1).indices
    valid = keep.gather(1, chosen)

    def picked(values: Tensor) -> Tensor:
        index = chosen.reshape(*chosen.shape, *[1] * (values.ndim - 2))
        return values.gather(1, index.expand(-1, -1, *values.shape[2:]))

    kept = PaddedTracks(
        features=picked(rows.features),
        positions=picked(rows.positions),
        history=picked(rows.history),
        counts=picked(rows.counts),
        objects=picked(rows.objects).masked_fill(~valid, UNMATCHED),
        valid=valid,
    )
    return kept, chosen


def remember(rows: PaddedTracks, appearances: Tensor, seen: Tensor) -> PaddedTracks:
    """Return rows whose momentum took up this frame's appearance where they were seen (Eq. 5).

    Args:
        rows: tracks after `compact`.
        appearances: `(B, N, C)` pooled from their own masks.
        seen: `(B, N)` bool; a row with no past takes its first appearance in any case.
    """
    flat = (rows.positions, rows.history, rows.counts, appearances)
    positions, history = update_momentum(*(part.flatten(0, 1) for part in flat))
    moved = (seen | (rows.counts == 0))[..., None]
    return PaddedTracks(
        features=rows.features,
        positions=torch.where(moved, positions.view_as(rows.positions), rows.positions),
        history=torch.where(moved[..., None], history.view_as(rows.history).detach(), rows.history),
        counts=rows.counts + moved[..., 0],
        objects=rows.objects,
        valid=rows.valid,
    )
