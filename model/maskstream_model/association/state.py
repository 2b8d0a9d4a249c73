"""The memory of one video: its tracks, including those in the gallery."""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.track_rows import COLUMNS, COUNTERS, TrackRows

SHAPE = 16
"""Cells along a side of a track's shape."""
FLOATS = ("appearances", "class_probabilities", "boxes", "velocities")


@dataclass(frozen=True)
class AssociationState(TrackRows):
    """Memory of a video so far; immutable, all tensors on the CPU.

    Attributes:
        appearances: `(N, C)` float32 unit vectors, momentum of the embeddings that showed a track.
        class_probabilities: `(N, K + 1)` float32, mean over the frames that showed it.
        boxes: `(N, 4)` float32 x0, y0, x1, y1 of its last mask, in sides of the padded frame.
        velocities: `(N, 2)` float32 x, y that its centre moves with each frame, likewise.
        shapes: `(N, SHAPE, SHAPE)` bool, its last mask inside its box.
        num_seen: `(N,)` int64, frames that showed it.
    """

    appearances: Tensor
    class_probabilities: Tensor
    boxes: Tensor
    velocities: Tensor
    shapes: Tensor
    num_seen: Tensor

    def select(self, rows: Tensor) -> "AssociationState":
        """Return the memory of some tracks."""
        columns = [field.name for field in fields(self) if field.name not in COUNTERS]
        return replace(self, **{name: getattr(self, name)[rows] for name in columns})


def initial_state(config: ModelConfig) -> AssociationState:
    """Return the memory of a video before its first frame."""
    widths = widths_of(config)
    none = torch.zeros(0, dtype=torch.int64)
    columns: dict[str, Any] = {name: torch.zeros(0, widths[name]) for name in FLOATS}
    columns |= dict.fromkeys((*COLUMNS, "num_seen"), none)
    return AssociationState(**columns, shapes=torch.zeros(0, SHAPE, SHAPE, dtype=torch.bool))


def widths_of(config: ModelConfig) -> dict[str, int]:
    """Return how many values of each field a track has."""
    sizes = (config.segmenter.hidden_dim, config.num_classes + 1, 4, 2)
    return dict(zip(FLOATS, sizes, strict=True))
