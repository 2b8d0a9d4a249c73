"""Results of whole clips as the reference makes them (docs/model.md 3.6, "vis" and "vss")."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.tasks.instances import clip_tracks
from maskstream_model.tasks.output import FrameOutput, resize_mask_logits
from maskstream_model.tasks.probabilities import Placement, clip_masks
from maskstream_model.tasks.semantic import class_map


@dataclass(frozen=True)
class VideoResult:
    """Best `(track, class)` pairs of a clip, best first; a track may be there more than once.

    Attributes:
        scores: `(M,)` float32.
        labels: `(M,)` int64 classes.
        track_ids: `(M,)` int64.
        masks: `(M, T, height, width)` bool.
    """

    scores: Tensor
    labels: Tensor
    track_ids: Tensor
    masks: Tensor


def video_result(
    outputs: Sequence[FrameOutput], size: Size, max_results: int = 20, min_frames: int = 5
) -> VideoResult:
    """Return the best `(track, class)` pairs of a clip.

    Args:
        outputs: one per frame of the clip, at least one.
        size: `(height, width)` of the masks wanted.
        max_results: pairs at most.
        min_frames: see `clip_tracks`.
    """
    tracks = clip_tracks(outputs, min_frames)
    scores, rows, labels = best_pairs(tracks.mean_logits.softmax(-1)[:, :-1], max_results)
    track_ids = tracks.track_ids[rows.cpu()]
    masks = torch.stack([_masks_of(output, track_ids, size) for output in outputs], 1)
    return VideoResult(scores, labels, track_ids, masks)


def best_pairs(probabilities: Tensor, max_results: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores, rows and classes of the best `(row, class)` pairs, `(M,)` each, best first.

    Args:
        probabilities: `(N, K)` of the classes, without no-object.
        max_results: pairs at most.
    """
    # Differs from reference: best first; its order is undefined.
    best = probabilities.flatten().topk(min(max_results, probabilities.numel()))
    num_classes = probabilities.shape[1]
    return best.values, best.indices // num_classes, best.indices % num_classes


def _masks_of(output: FrameOutput, track_ids: Tensor, size: Size) -> Tensor:
    """Return masks `(M, *size)` bool of tracks on a frame; empty where a track is not."""
    masks = torch.zeros(len(track_ids), *size, dtype=torch.bool)
    matches = track_ids[:, None] == output.track_ids[None]
    wanted = matches.any(0).nonzero()[:, 0]
    logits = output.mask_logits[wanted.to(output.mask_logits.device)]
    visible = resize_mask_logits(logits, output.padded, output.resized, size).cpu() > 0
    rows, columns = matches[:, wanted].nonzero(as_tuple=True)
    masks[rows] = visible[columns]
    return masks


def semantic_video(outputs: Sequence[FrameOutput], size: Size, min_frames: int = 5) -> Tensor:
    """Return the class of every pixel of a clip, `(T, height, width)` int64, or `VOID`.

    Args:
        outputs: one per frame of the clip, at least one.
        size: `(height, width)` wanted.
        min_frames: see `tasks.instances.clip_tracks`.
    """
    tracks = clip_tracks(outputs, min_frames)
    maps = [
        class_map(
            tracks.mean_logits, clip_masks(output, tracks.track_ids), Placement.of(output, size)
        )
        for output in outputs
    ]
    return torch.stack(maps).cpu()
