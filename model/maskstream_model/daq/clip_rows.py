"""From frames that were tracked to the rows of the refiner: temporal and spatial padding.

See docs/model.md 4, points 2 to 4. Temporal padding repeats a track's last momentum
appearance where it did not live, spatial padding adds naive sequences.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.daq.state import TrackerState
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.instances import ClipTracks, clip_tracks
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.transfers import upload


@dataclass(frozen=True)
class TrackedFrame:
    """What the refiner needs of a frame; masks are not kept, it makes its own.

    Attributes:
        size: `(height, width)` of the picture.
        output: of the online model, its `mask_logits` without rows, its `logits` on the device.
        track_ids: `(N,)` int64, tracks alive after the frame.
        queries: `(N, C)` their embeddings.
        positions: `(N, C)` their momentum appearances.
        embeddings: `(Q, C)` of the segmenter.
        naive: `(Q,)` int64, the segment query that each naive sequence takes.
        naive_logits: `(Q, K + 1)`, the segmenter's for these queries.
        mask_features: `(C, H, W)` of the segmenter.
    """

    size: Size
    output: FrameOutput
    track_ids: Tensor
    queries: Tensor
    positions: Tensor
    embeddings: Tensor
    naive: Tensor
    naive_logits: Tensor
    mask_features: Tensor

    @classmethod
    def of(
        cls,
        size: Size,
        segmented: SegmenterOutput,
        naive: Tensor,
        output: FrameOutput,
        state: TrackerState,
    ) -> "TrackedFrame":
        """Keep what is needed of the only frame of `segmented` and of the memory after it."""
        device, no_masks = segmented.embeddings.device, output.mask_logits.new_zeros(0, 0, 0)
        logits = upload(output.logits, device)
        return cls(
            size=size,
            output=replace(output, logits=logits, mask_logits=no_masks),
            track_ids=state.track_ids,
            queries=upload(state.queries, device),
            positions=upload(state.positions, device),
            embeddings=segmented.embeddings[0],
            naive=naive,
            naive_logits=segmented.logits[0][naive],
            mask_features=segmented.mask_features[0],
        )


@dataclass(frozen=True)
class ClipRows:
    """The refiner's input of a clip; there are as many rows as segment queries.

    Attributes:
        row_ids: `(R,)` int64: ids of tracks, and `-1 - i` for naive sequence `i`.
        features: `(R, T, C)`.
        logits: `(R, K + 1)`, mean class logits before refinement.
        padded: `(R, T)` bool, where a track did not live; naive sequences always do.
    """

    row_ids: Tensor
    features: Tensor
    logits: Tensor
    padded: Tensor


def clip_rows(frames: Sequence[TrackedFrame], max_kept: int) -> ClipRows:
    """Collect the rows of consecutive frames: the best tracks, then the best naive sequences.

    Args:
        frames: at least one.
        max_kept: tracks at most.
    """
    tracks = clip_tracks([frame.output for frame in frames])
    num_rows = len(frames[0].embeddings)
    # Differs from reference: best first; its order is undefined.
    kept = _best(tracks.mean_logits, min(max_kept, num_rows))
    naive_logits = torch.stack([frame.naive_logits for frame in frames]).mean(0)
    naive = _best(naive_logits, num_rows - len(kept))
    features = torch.stack([frame.embeddings[frame.naive[naive]] for frame in frames], 1)
    stored = tracks.stored[kept]
    return ClipRows(
        row_ids=torch.cat([tracks.track_ids[kept], -1 - naive]),
        features=torch.cat([_padded_in_time(frames, tracks, kept), features]),
        logits=torch.cat([tracks.mean_logits[kept], naive_logits[naive]]),
        padded=torch.cat([~stored, torch.zeros(len(naive), len(frames), dtype=torch.bool)]),
    )


def _best(logits: Tensor, count: int) -> Tensor:
    """Return at most `count` rows by falling score, int64 on the CPU."""
    return foreground_scores(logits).cpu().argsort(descending=True, stable=True)[:count]


def _padded_in_time(frames: Sequence[TrackedFrame], tracks: ClipTracks, kept: Tensor) -> Tensor:
    """Return embeddings `(M, T, C)` of kept tracks, momentum appearances where they did not live.

    One vector for both sides: the last momentum appearance within the clip.
    """
    track_ids, dim = tracks.track_ids[kept], frames[0].queries.shape[1]
    embeddings = frames[0].queries.new_zeros(len(kept), len(frames), dim)
    appearances = embeddings.new_zeros(len(kept), dim)
    for time, frame in enumerate(frames):
        # (M, 1) == (N,) -> (M, N)
        rows, columns = (track_ids[:, None] == frame.track_ids).nonzero(as_tuple=True)
        embeddings[rows, time] = frame.queries[columns]
        appearances[rows] = frame.positions[columns]
    stored = tracks.stored[kept].to(embeddings.device)
    # (M, T, 1), (M, T, C), (M, 1, C) -> (M, T, C)
    return torch.where(stored[..., None], embeddings, appearances[:, None])
