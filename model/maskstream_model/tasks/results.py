"""From a model's output to the result of a frame: which tracks there are, and whose masks.

Instances: every track has its own mask, and masks may overlap. Panoptic: every pixel belongs to one
segment, and all stuff of a class is one segment. Semantic: every pixel has a class, and the tracks
are the classes that are there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from maskstream_model.aliases import Size
from maskstream_model.config import PresetConfig
from maskstream_model.port import Crops, FrameResult, Masks, Rows, TrackStatus, TrackTable
from maskstream_model.tasks.crops import crop_masks
from maskstream_model.tasks.label_crops import Labels, label_crops
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.panoptic_online import Claims, panoptic_claims, panoptic_frame
from maskstream_model.tasks.semantic import class_scores, semantic_frame


def frame_result(output: FrameOutput, index: int, size: Size, config: PresetConfig) -> FrameResult:
    """Return the final result of a frame.

    Args:
        output: of the model.
        index: number of the frame in its session, from 1.
        size: `(height, width)` of the picture.
        config: of the model: its task, its classes and their rules.
    """
    tracks, masks = _TASKS[config.task](output, size, config)
    return FrameResult(index, size, tracks, masks, num_refused=output.num_refused)


@dataclass(frozen=True)
class InstanceMasks:
    """Masks that may overlap; implements `port.Masks`.

    Attributes:
        mask_logits: `(n, H, W)` at stride 4 of the padded frame.
        padded: `(height, width)` of the frame in the network, with padding.
        resized: the same without padding.
    """

    mask_logits: torch.Tensor
    padded: Size
    resized: Size

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """See `port.Masks`."""
        chosen = self.mask_logits[torch.from_numpy(rows).to(self.mask_logits.device)]
        return crop_masks(chosen, self.padded, self.resized, size, with_logits)


@dataclass(frozen=True)
class PanopticMasks:
    """Segments that compete for pixels; implements `port.Masks`."""

    output: FrameOutput
    config: PresetConfig

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """See `port.Masks`."""
        ids = self.output.track_ids[torch.from_numpy(rows)].tolist()
        frame = panoptic_frame(self.output, size, self.config, frozenset(ids))
        labels = {segment.id: label for label, segment in enumerate(frame.segments, 1)}
        wanted = [labels.get(track_id, 0) for track_id in ids]
        return label_crops(_labels(frame.owners), wanted, with_logits)


@dataclass(frozen=True)
class SemanticMasks:
    """Classes of pixels; implements `port.Masks`.

    Attributes:
        output: of the model.
        labels: `(height, width)` of the whole picture, one more than the class; 0 for none.
        track_ids: `(n,)` labels of the rows.
    """

    output: FrameOutput
    labels: Labels
    track_ids: npt.NDArray[np.int64]

    def crops(self, rows: Rows, size: Size, with_logits: bool = False) -> Crops:
        """See `port.Masks`; a class of a few pixels may have none in a smaller picture."""
        whole = size == self.labels.shape
        labels = self.labels if whole else _labels(semantic_frame(self.output, size))
        return label_crops(labels, self.track_ids[rows].tolist(), with_logits)


def _instances(
    output: FrameOutput, size: Size, config: PresetConfig
) -> tuple[TrackTable, InstanceMasks]:
    masks = InstanceMasks(output.mask_logits, output.padded, output.resized)
    return _track_table(output, config), masks


def _panoptic(
    output: FrameOutput, size: Size, config: PresetConfig
) -> tuple[TrackTable, PanopticMasks]:
    tracks = _with_segments(_track_table(output, config), panoptic_claims(output, config))
    return tracks, PanopticMasks(output, config)


def _semantic(
    output: FrameOutput, size: Size, config: PresetConfig
) -> tuple[TrackTable, SemanticMasks]:
    labels = _labels(semantic_frame(output, size))
    there = np.flatnonzero(np.bincount(labels.ravel(), minlength=1)[1:])
    ones = np.ones_like(there)
    tracks = TrackTable(
        track_ids=there + 1,
        labels=there,
        scores=class_scores(output).float().cpu().numpy()[there],
        status=ones * int(TrackStatus.TRACKED),
        ages=ones,
        things=_things(there, config),
        mentionable=ones.astype(bool),
    )
    return tracks, SemanticMasks(output, labels, tracks.track_ids)


_TASKS: Mapping[str, Callable[[FrameOutput, Size, PresetConfig], tuple[TrackTable, Masks]]] = {
    "instances": _instances,
    "panoptic": _panoptic,
    "semantic": _semantic,
}


def _track_table(output: FrameOutput, config: PresetConfig) -> TrackTable:
    labels = output.labels.cpu().numpy()
    return TrackTable(
        track_ids=output.track_ids.numpy(),
        labels=labels,
        scores=output.scores.float().cpu().numpy(),
        status=output.status.numpy(),
        ages=output.ages.numpy(),
        things=_things(labels, config),
        mentionable=np.ones(len(labels), bool),
        class_scores=output.mean_logits.float().softmax(-1)[:, :-1].cpu().numpy(),
    )


def _things(labels: npt.NDArray[np.int64], config: PresetConfig) -> npt.NDArray[np.bool_]:
    return np.array([info.thing for info in config.classes], bool)[labels]


def _with_segments(tracks: TrackTable, claims: Claims) -> TrackTable:
    """Return the rows with score and status of their segments; only those may be mentioned anew.

    A segment of stuff is as certain as its best track, and is seen where one of its tracks is.
    """
    mentionable = np.zeros(len(tracks.track_ids), bool)
    scores, status = tracks.scores.copy(), tracks.status.copy()
    place = {track_id: row for row, track_id in enumerate(tracks.track_ids.tolist())}
    for row, segment in zip(claims.rows.tolist(), claims.segments, strict=True):
        named = place[segment.id]
        mentionable[named] = True
        scores[named] = max(scores[named], segment.score)
        if tracks.status[row] != TrackStatus.MISSED and status[named] == TrackStatus.MISSED:
            status[named] = TrackStatus.TRACKED
    return replace(tracks, scores=scores, status=status, mentionable=mentionable)


def _labels(indices: torch.Tensor) -> Labels:
    """Return indices from -1 as labels from 0, on the CPU."""
    labels: Labels = (indices + 1).int().cpu().numpy()
    return labels
