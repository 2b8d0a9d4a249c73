"""How alike tracks and the detections of a frame are: by appearance, place and class."""

from dataclasses import dataclass

from torch import Tensor

from maskstream_model.association.detections import Detections, look_inside
from maskstream_model.association.state import SHAPE, AssociationState

MAX_DRIFT = 3
"""Frames for which the motion of a track that is not seen is extrapolated."""
REACH = 1.0
"""Largest distance from the expected place, in diagonals of the box for each frame unseen."""


@dataclass(frozen=True)
class Similarity:
    """Of `N` tracks and `M` detections, `(N, M)` float32 each, 0 to 1.

    Attributes:
        appearance: cosine of momentum appearance and embedding; negative ones are 0.
        overlap: IoU of the track's last mask, moved as the track does, and the detection's.
        classes: how much of the class distributions is common to both, "no object" aside.
        near: bool, whether a track can have come so far since it was seen.
    """

    appearance: Tensor
    overlap: Tensor
    classes: Tensor
    near: Tensor

    @property
    def whole(self) -> Tensor:
        """Appearance and overlap alike, halved where classes have nothing in common."""
        return (self.appearance + self.overlap) / 2 * (1 + self.classes) / 2


def compare(state: AssociationState, found: Detections) -> Similarity:
    """Compare every track with every detection of the next frame."""
    cosines = state.appearances @ found.embeddings.T
    return Similarity(
        cosines.clamp(0, 1),
        _overlap(state, found),
        (_shares(state.class_probabilities)[:, None] * _shares(found.class_probabilities))
        .sum(-1)
        .clamp(0, 1),
        _near(state, found),
    )


def moved(state: AssociationState) -> Tensor:
    """Return where the boxes of tracks are expected on the next frame, `(N, 4)`."""
    frames = (1 + state.missed_frames).clamp_max(MAX_DRIFT)
    return state.boxes + (state.velocities * frames[:, None]).repeat(1, 2)


def _overlap(state: AssociationState, found: Detections) -> Tensor:
    boxes = moved(state)
    shapes = state.shapes.float()
    seen = look_inside(found.masks, boxes)  # (M, N, SHAPE, SHAPE)
    cells = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / SHAPE**2
    shared = (seen * shapes).sum((2, 3)).T * cells[:, None]
    own = shapes.sum((1, 2)) * cells
    others = found.masks.float().mean((1, 2)).cpu()
    union = own[:, None] + others - shared
    return (shared / union.clamp_min(1e-9)).clamp(0, 1)


def _near(state: AssociationState, found: Detections) -> Tensor:
    """Return which centres are at most `REACH` diagonals from where they are expected, a frame."""
    boxes = moved(state)
    diagonals = (boxes[:, 2:] - boxes[:, :2]).norm(dim=1) * (1 + state.missed_frames)
    apart = (centres(boxes)[:, None] - centres(found.boxes)).norm(dim=-1)
    near: Tensor = apart <= REACH * diagonals[:, None]
    return near


def centres(boxes: Tensor) -> Tensor:
    """Return the centres `(N, 2)` of boxes `(N, 4)`."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _shares(class_probabilities: Tensor) -> Tensor:
    """Return square roots of distributions over classes alone: products sum up to 1 for equals."""
    objects = class_probabilities[:, :-1]
    return (objects / objects.sum(1, keepdim=True).clamp_min(1e-9)).sqrt()
