"""Panoptic segmentation of a whole clip, as the reference does it (docs/model.md 3.6, "vps")."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.config import PresetConfig
from maskstream_model.tasks.contest import Segment, candidates, contest, passed
from maskstream_model.tasks.instances import clip_tracks
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.probabilities import Placement, clip_masks, mask_probabilities


@dataclass(frozen=True)
class PanopticVideo:
    """A clip in which every pixel belongs to one segment or to none.

    Attributes:
        segment_map: `(T, height, width)` int64 ids of segments, 0 for none; on the CPU.
        segments: by id, which count from 1 in this clip.
    """

    segment_map: Tensor
    segments: tuple[Segment, ...]


def panoptic_video(
    outputs: Sequence[FrameOutput], size: Size, config: PresetConfig, min_frames: int = 5
) -> PanopticVideo:
    """Return the segments of a clip that was tracked online.

    Args:
        outputs: one per frame of the clip, at least one.
        size: `(height, width)` of the map wanted.
        config: of the model: classes, `object_score_min` and `overlap_min`.
        min_frames: see `tasks.instances.clip_tracks`.
    """
    tracks = clip_tracks(outputs, min_frames)
    frames = (
        (clip_masks(output, tracks.track_ids), Placement.of(output, size)) for output in outputs
    )
    return panoptic_clip(tracks.track_ids, tracks.mean_logits, frames, config)


def panoptic_clip(
    track_ids: Tensor,
    logits: Tensor,
    frames: Iterable[tuple[Tensor, Placement]],
    config: PresetConfig,
) -> PanopticVideo:
    """Return the segments of a clip whose tracks and masks are known.

    Args:
        track_ids: `(N,)` int64, on the CPU.
        logits: `(N, K + 1)` class logits of the clip.
        frames: for each frame the mask logits `(N, H, W)`, and their placement in the picture.
        config: see `panoptic_video`.
    """
    rows, found = candidates(track_ids, logits, config)
    if not found:
        # Differs from reference: there the empty map has the size of the mask grid.
        empty = [torch.zeros(placement.size, dtype=torch.int64) for _, placement in frames]
        return PanopticVideo(torch.stack(empty), ())
    scores = torch.tensor([segment.score for segment in found])
    contests = [
        contest(
            mask_probabilities(masks[rows.to(masks.device)], placement), scores.to(masks.device)
        )
        for masks, placement in frames
    ]
    ids, segments = _number(found, passed(contests, config.online.overlap_min))
    # The last entry is that of the winner -1.
    table = torch.tensor([*ids, 0])
    maps = [table[each.winners.cpu()] for each in contests]
    return PanopticVideo(torch.stack(maps), segments)


def _number(
    found: Sequence[Segment], passes: Sequence[bool]
) -> tuple[list[int], tuple[Segment, ...]]:
    """Return for each row the id of its segment, 0 for none, and the segments."""
    ids: list[int] = []
    segments: list[Segment] = []
    stuff: dict[int, int] = {}
    for segment, shows in zip(found, passes, strict=True):
        if not shows:
            ids.append(0)
        elif segment.label in stuff:
            ids.append(stuff[segment.label])
        else:
            segments.append(replace(segment, id=len(segments) + 1))
            ids.append(len(segments))
            if not segment.thing:
                stuff[segment.label] = len(segments)
    return ids, tuple(segments)
