"""What a client is told of a frame, task by task: rows, masks, and what it knows afterwards.

The model's task code says who owns which pixel; here it is asked, for what the client wants.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from maskstream_model.config import ModelConfig
from maskstream_model.interface import FrameOutput, TrackStatus
from maskstream_model.tasks.panoptic_online import Claims, panoptic_claims, panoptic_frame
from maskstream_model.tasks.semantic import class_scores, semantic_frame
from maskstream_protocol.masks import mask_size
from maskstream_server.engine.crops import CropMaker
from maskstream_server.engine.label_crops import label_crops
from maskstream_server.engine.reporting import Report, report
from maskstream_server.engine.types import EngineRequest, MaskCrops

Integers = npt.NDArray[np.int64]
NEVER = -1.0
"""A score that no `min_score` admits."""


@dataclass(frozen=True)
class Rows:
    """The tracks of a frame as arrays on the CPU, or those of them that a client is told of.

    Attributes:
        track_ids: `(n,)` int64.
        labels: `(n,)` int64 class indices.
        scores: `(n,)` float32, 0 to 1.
        status: `(n,)` int64.
        ages: `(n,)` int64 frames since birth.
    """

    track_ids: Integers
    labels: Integers
    scores: npt.NDArray[np.float32]
    status: Integers
    ages: Integers

    @classmethod
    def of(cls, output: FrameOutput) -> "Rows":
        """Return all tracks of a frame."""
        return cls(
            track_ids=output.track_ids.cpu().numpy(),
            labels=output.labels.cpu().numpy(),
            scores=output.scores.float().cpu().numpy(),
            status=output.status.cpu().numpy(),
            ages=output.ages.cpu().numpy(),
        )

    def told(self, told: Report) -> "Rows":
        """Return the rows of a report, with its status."""
        rows = told.rows
        return Rows(
            self.track_ids[rows], self.labels[rows], self.scores[rows], told.status, self.ages[rows]
        )


@dataclass(frozen=True)
class Findings:
    """What a client is told of a frame.

    Attributes:
        rows: objects.
        masks: theirs; None where it wants none.
        mentioned: tracks that it knows after this frame and that live.
    """

    rows: Rows
    masks: MaskCrops | None
    mentioned: frozenset[int]


class Finder(Protocol):
    """Finds what a client is told; for one thread."""

    def find(self, output: FrameOutput, request: EngineRequest[Any]) -> Findings:
        """Choose the rows to tell and make their masks."""
        ...


class InstanceFinder:
    """Every track has its own mask; masks may overlap."""

    def __init__(self) -> None:
        self._crops = CropMaker()

    def find(self, output: FrameOutput, request: EngineRequest[Any]) -> Findings:
        """See `Finder`."""
        rows = Rows.of(output)
        told = report(
            rows.track_ids, rows.status, rows.scores, request.mentioned, request.min_score
        )
        masks = None
        if request.mask_scale is not None:
            size = _size(request, request.mask_scale)
            masks = self._crops.crop(output, told.rows, size, request.with_logits)
        return Findings(rows.told(told), masks, told.mentioned)


class PanopticFinder:
    """Every pixel belongs to one segment; all stuff of a class is one segment.

    Only what takes part in the picture is mentioned for the first time, and all compete for pixels
    that the client is told of: whom it does not know leaves no hole.
    """

    def __init__(self, config: ModelConfig) -> None:
        self._config = config

    def find(self, output: FrameOutput, request: EngineRequest[Any]) -> Findings:
        """See `Finder`."""
        tracks = Rows.of(output)
        rows, takes_part = _with_segments(tracks, panoptic_claims(output, self._config))
        admitted = np.where(takes_part, rows.scores, np.float32(NEVER))
        told = report(rows.track_ids, rows.status, admitted, request.mentioned, request.min_score)
        shown, masks = rows.told(told), None
        if request.mask_scale is not None:
            ids = shown.track_ids.tolist()
            size = _size(request, request.mask_scale)
            frame = panoptic_frame(output, size, self._config, frozenset(ids))
            labels = {segment.id: label for label, segment in enumerate(frame.segments, 1)}
            wanted = [labels.get(track_id, 0) for track_id in ids]
            masks = label_crops(_labels(frame.owners), wanted, request.with_logits)
        return Findings(shown, masks, told.mentioned)


def _with_segments(tracks: Rows, claims: Claims) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Return the rows with score and status of their segments, and which rows name a segment.

    A segment of stuff is as certain as its best track, and is seen where one of its tracks is.
    """
    takes_part = np.zeros(len(tracks.track_ids), bool)
    scores, status = tracks.scores.copy(), tracks.status.copy()
    place = {track_id: row for row, track_id in enumerate(tracks.track_ids.tolist())}
    for row, segment in zip(claims.rows.tolist(), claims.segments, strict=True):
        named = place[segment.id]
        takes_part[named] = True
        scores[named] = max(scores[named], segment.score)
        if tracks.status[row] != TrackStatus.MISSED and status[named] == TrackStatus.MISSED:
            status[named] = TrackStatus.TRACKED
    return Rows(tracks.track_ids, tracks.labels, scores, status, tracks.ages), takes_part


class SemanticFinder:
    """Every pixel has a class; the objects are the classes that are there."""

    def find(self, output: FrameOutput, request: EngineRequest[Any]) -> Findings:
        """See `Finder`; a client knows classes already, and `min_score` chooses none of them."""
        labels = _labels(semantic_frame(output, _size(request, request.mask_scale or 1)))
        there = np.flatnonzero(np.bincount(labels.ravel())[1:])
        ones = np.ones_like(there)
        rows = Rows(
            track_ids=there + 1,
            labels=there,
            scores=class_scores(output).float().cpu().numpy()[there],
            status=ones * int(TrackStatus.TRACKED),
            ages=ones,
        )
        wanted = rows.track_ids.tolist()
        wants_masks = request.mask_scale is not None
        masks = label_crops(labels, wanted, request.with_logits) if wants_masks else None
        return Findings(rows, masks, frozenset())


def finder_of(config: ModelConfig) -> Finder:
    """Return the finder for a model's task."""
    if config.task == "panoptic":
        return PanopticFinder(config)
    return SemanticFinder() if config.task == "semantic" else InstanceFinder()


def _size(request: EngineRequest[Any], mask_scale: float) -> tuple[int, int]:
    height, width = request.frame.shape[:2]
    return mask_size((height, width), mask_scale)


def _labels(indices: torch.Tensor) -> npt.NDArray[np.int32]:
    """Return indices from -1 as labels from 0, on the CPU."""
    labels: npt.NDArray[np.int32] = (indices + 1).int().cpu().numpy()
    return labels
