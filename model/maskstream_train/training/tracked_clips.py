"""Outputs of the frozen online model for clips, to train the refiner (docs/model.md 6.2).

A clip's frames lie one below the other as one tall picture, so that a mask of it is a tube, and
matching and losses are those of single frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.daq.clip_rows import ClipRows, TrackedFrame, clip_rows
from maskstream_model.daq.naive_sequences import follow
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refiner import RefinedRows
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.output import EMPTY_LOGIT
from maskstream_train.training.targets import ClipBatch, FrameTargets


@dataclass(frozen=True)
class TrackedClip:
    """What the frozen parts make of one clip.

    Attributes:
        rows: `R` tracks and naive sequences, the refiner's input.
        frames: what is kept of each of `T` frames.
        mask_logits: `(T, Q, H, W)` of the segmenter.
    """

    rows: ClipRows
    frames: list[TrackedFrame]
    mask_logits: Tensor

    @property
    def embeddings(self) -> Tensor:
        """`(T, Q, C)` of the segmenter."""
        return torch.stack([frame.embeddings for frame in self.frames])

    @property
    def mask_features(self) -> Tensor:
        """`(T, C, H, W)` of the segmenter."""
        return torch.stack([frame.mask_features for frame in self.frames])


@torch.no_grad()
def track_clips(
    online: OnlineDaq, frames: Sequence[SegmenterOutput], max_kept: int
) -> list[TrackedClip]:
    """Run the trackers over `B` clips as they do in use.

    Differs from reference: there, a track of an OVIS model counts as seen in training by the mean
    of both trackers' logits, in use by each of them; here in both as in use.

    Args:
        online: rules and trackers.
        frames: of the segmenter, `T` times for `B` clips.
        max_kept: tracks of a clip that are refined, at most.
    """
    count, (height, width) = len(frames[0].embeddings), frames[0].mask_logits.shape[2:]
    size = 4 * height, 4 * width
    states = [online.begin()] * count
    naive: list[Tensor | None] = [None] * count
    kept: list[list[TrackedFrame]] = [[] for _ in range(count)]
    for frame in frames:
        outputs, states = online.track(frame, states, [size] * count)
        for clip in range(count):
            one = frame.frame(clip)
            queries = follow(naive[clip], one.embeddings[0])
            naive[clip] = one.embeddings[0][queries]
            kept[clip].append(TrackedFrame.of(size, one, queries, outputs[clip], states[clip]))
    masks = torch.stack([frame.mask_logits for frame in frames], 1)
    return [
        TrackedClip(clip_rows(frames, max_kept), frames, masks[clip])
        for clip, frames in enumerate(kept)
    ]


def tracked_tubes(clip: TrackedClip, tracker: QueryTracker) -> Tensor:
    """Return masks `(R, T * H, W)` before refinement; absent where a track did not live."""
    is_track = clip.rows.row_ids >= 0
    sequences = -1 - clip.rows.row_ids[~is_track]
    frames = []
    for time, frame in enumerate(clip.frames):
        states = clip.rows.features[is_track, time]
        masks = tracker.segment(states[None], frame.mask_features[None])[0]
        gone = clip.rows.padded[is_track, time].to(masks.device)
        masks = masks.masked_fill(gone[:, None, None], EMPTY_LOGIT)
        queries = frame.naive[sequences].to(masks.device)
        frames.append(torch.cat([masks, clip.mask_logits[time, queries]]))
    return torch.cat(frames, 1)


def refined_tubes(layer: RefinedRows, rows: Tensor, mask_features: Tensor) -> Tensor:
    """Return masks `(M, T * H, W)` of `rows (M,)`, features `(T, C, H, W)`."""
    embeddings = layer.mask_embeddings[rows]
    # (M, T, H, W) -> (M, T * H, W)
    return torch.einsum("mtc,tchw->mthw", embeddings, mask_features).flatten(1, 2)


def true_tubes(masks: Tensor) -> Tensor:
    """Return `(B, O, T * h, w)` of masks `(B, T, O, h, w)`."""
    # -> (B, O, T, h, w) -> (B, O, T * h, w)
    return masks.transpose(1, 2).flatten(2, 3)


def tube_targets(batch: ClipBatch, number: int) -> FrameTargets:
    """Return the objects of one clip as those of one tall frame; `B` is 1."""
    one = slice(number, number + 1)
    present = batch.present[one].any(1)
    return FrameTargets(true_tubes(batch.masks[one]), batch.labels[one], present)
