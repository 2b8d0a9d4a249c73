"""Panoptic segmentation of a frame from what has been seen so far (docs/decisions/0007).

Differs from reference: it decides a whole clip after its end. Here a track's class follows from its
logits up to now, the area lost to others from this frame alone, and ids are those of tracks.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.config import PresetConfig
from maskstream_model.tasks.contest import Segment, candidates, contest, passed
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.probabilities import Placement, mask_probabilities
from maskstream_model.transfers import upload


@dataclass(frozen=True)
class Claims:
    """The tracks of a frame that take part in its panoptic picture, `M` of them.

    Attributes:
        rows: `(M,)` int64, their rows in the output, on the CPU.
        segments: the segment that each belongs to. A thing is its own; of a class of stuff all
            tracks belong to one, whose id is that of the class's oldest living track.
    """

    rows: Tensor
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class PanopticFrame:
    """A frame in which every pixel belongs to one segment or to none.

    Attributes:
        owners: `(height, width)` int64, index into `segments`, -1 for none; on the model's device.
        segments: those that have a pixel.
    """

    owners: Tensor
    segments: tuple[Segment, ...]

    @property
    def segment_map(self) -> Tensor:
        """Ids of segments, `(height, width)` int64, 0 for none."""
        # The last entry is that of the owner -1.
        ids = [*(segment.id for segment in self.segments), 0]
        return torch.tensor(ids, device=self.owners.device)[self.owners]


def panoptic_claims(output: FrameOutput, config: PresetConfig) -> Claims:
    """Return which tracks take part, and under which ids.

    Args:
        output: of the model.
        config: of the model: classes and `object_score_min`.
    """
    living = output.living.nonzero()[:, 0]
    logits = output.mean_logits[living.to(output.mean_logits.device)]
    track_ids = output.track_ids[living]
    # "No object" counts here as well: such tracks lend no id.
    births = zip((-output.ages[living]).tolist(), track_ids.tolist(), strict=True)
    oldest: dict[int, tuple[int, int]] = {}
    for label, birth in zip(logits.argmax(-1).tolist(), births, strict=True):
        oldest[label] = min(birth, oldest.get(label, birth))
    rows, found = candidates(track_ids, logits, config)
    segments = []
    for segment in found:
        first = segment.id if segment.thing else oldest[segment.label][1]
        segments.append(replace(segment, id=first, track_id=first))
    return Claims(living[rows.cpu()], tuple(segments))


def panoptic_frame(
    output: FrameOutput, size: Size, config: PresetConfig, shown: Container[int] | None = None
) -> PanopticFrame:
    """Return the segments of a frame.

    Args:
        output: of the model.
        size: `(height, width)` of the map wanted.
        config: of the model: classes, `object_score_min` and `overlap_min`.
        shown: ids of the segments that may take part; None for all. Without the others no hole is
            left where they were: other segments win those pixels.
    """
    claims = panoptic_claims(output, config)
    parts = [i for i, each in enumerate(claims.segments) if shown is None or each.id in shown]
    device = output.mask_logits.device
    if not parts:
        return PanopticFrame(torch.full(size, -1, device=device), ())
    segments = [claims.segments[part] for part in parts]
    masks = output.mask_logits[upload(claims.rows[parts], device)]
    scores = upload(torch.tensor([segment.score for segment in segments]), device)
    outcome = contest(mask_probabilities(masks, Placement.of(output, size)), scores)
    owners, merged = _merge(segments, passed([outcome], config.online.overlap_min))
    # The last entry is that of the winner -1.
    table = upload(torch.tensor([*owners, -1]), device)
    return PanopticFrame(table[outcome.winners], merged)


def _merge(
    segments: Sequence[Segment], passes: Sequence[bool]
) -> tuple[list[int], tuple[Segment, ...]]:
    """Return for each row the index of its segment, -1 for none, and the segments."""
    owners: list[int] = []
    merged: dict[int, Segment] = {}
    for segment, shows in zip(segments, passes, strict=True):
        if shows:
            best = merged.get(segment.id, segment)
            merged[segment.id] = replace(best, score=max(best.score, segment.score))
        owners.append(list(merged).index(segment.id) if shows else -1)
    return owners, tuple(merged.values())
