"""What networks make of the rows of tracker 1, for some rows of all sessions at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.daq.duplicates import mask_ious
from maskstream_model.daq.lifecycle import Decisions
from maskstream_model.daq.padding import take
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.transfers import download


@dataclass(frozen=True)
class Candidates:
    """Rows of tracker 1 for `B` videos, on the model's device: tracks, then anchors.

    Attributes:
        embeddings: `(B, N + Q, C)`; a video has `N` tracks, or fewer and padding.
        logits: `(B, N + Q, K + 1)`.
        mask_features: `(B, C, H, W)`.
        num_tracks: `N`, with padding.
        resized: `B` of `(height, width)`, the frames as the network saw them, without padding.
        masks_to_host: whether masks become pixels on the host.
    """

    embeddings: Tensor
    logits: Tensor
    mask_features: Tensor
    num_tracks: int
    resized: Sequence[Size]
    masks_to_host: bool = True


@dataclass(frozen=True)
class RowMasks:
    """Masks of some rows of tracker 1, which duplicates are judged by and which are then shown.

    Attributes:
        rows: `B` of `(M,)` int64 on the CPU, ascending.
        logits: `(B, longest, H, W)` float32 on the model's device.
        first_anchor: the row of the first anchor.
    """

    rows: Sequence[Tensor]
    logits: Tensor
    first_anchor: int

    def of(self, rows: Sequence[Tensor]) -> Tensor:
        """Return the logits `(B, longest, H, W)` of some of the rows of each session."""
        if all(map(torch.equal, rows, self.rows)):
            return self.logits
        return take(self.logits, list(map(torch.searchsorted, self.rows, rows)))

    def ious(self) -> list[Callable[[Tensor, Tensor], Tensor]]:
        """Return for each session what `duplicates.suppress_duplicates` asks for IoUs."""
        (ious,) = download([mask_ious(self.logits > 0)])

        def of_session(rows: Tensor, own: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
            def ious_of(tracks: Tensor, anchors: Tensor) -> Tensor:
                wanted = torch.cat([tracks, self.first_anchor + anchors])
                places = torch.searchsorted(rows, wanted)
                return own[places][:, places]

            return ious_of

        return list(map(of_session, self.rows, ious))


@dataclass(frozen=True)
class LivingRows:
    """Rows of one session that live on, float32.

    Attributes:
        embeddings: `(N, C)`, on the CPU.
        logits: `(N, K + 1)`, on the CPU.
        appearances: `(N, C)`, on the CPU.
        masks: `(N, H, W)` logits; on the CPU where they become pixels there.
    """

    embeddings: Tensor
    logits: Tensor
    appearances: Tensor
    masks: Tensor


def row_masks(
    tracker: QueryTracker,
    states: Sequence[TrackerState],
    candidates: Candidates,
    decisions: Sequence[Decisions],
) -> RowMasks:
    """Return the masks of all rows that a frame may show: what lives, is born or just got lost.

    A track that is lost on this frame alone may be recovered even where it would be gone.
    """
    rows = []
    for state, each in zip(states, decisions, strict=True):
        lost = ~each.seen & (state.missed_frames == 0)
        tracks = (~each.gone | lost).nonzero()[:, 0]
        rows.append(torch.cat([tracks, candidates.num_tracks + each.born]))
    embeddings = take(candidates.embeddings, rows).float()
    logits = tracker.segment(embeddings, candidates.mask_features).float()
    return RowMasks(rows, logits, candidates.num_tracks)


def living_rows(
    tracker: QueryTracker,
    candidates: Candidates,
    rows: Sequence[Tensor],
    masks: RowMasks | None,
) -> list[LivingRows]:
    """Return what is kept of some rows of each session; the host waits for the device once.

    Args:
        tracker: both trackers.
        candidates: all rows.
        rows: `B` of `(N,)` int64 on the CPU, those that live on.
        masks: of these rows and perhaps others, where they are made already.
    """
    # Memories and results are float32, whatever a GPU computed in.
    embeddings = take(candidates.embeddings, rows).float()
    features = candidates.mask_features
    logits = masks.of(rows) if masks else tracker.segment(embeddings, features).float()
    wanted = [embeddings, take(candidates.logits, rows), tracker.pool_appearance(logits, features)]
    if candidates.masks_to_host:
        *small, logits = download([*wanted, logits])
    else:
        small = download(wanted)
    return [
        LivingRows(*(part[session, : len(own)] for part in (*small, logits)))
        for session, own in enumerate(rows)
    ]
