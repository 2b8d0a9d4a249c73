"""Boxes of queries, and the frames of a clip that temporal attention looks at."""

import torch
from torch import Tensor

from maskstream_model.mdqe.queries import middle_of

EPS = 1e-5


def moved_boxes(moves: Tensor, boxes: Tensor) -> Tensor:
    """Return boxes moved in the space of logits; `(..., 4)` centre and size, 0 to 1."""
    return (moves + boxes.logit(EPS)).sigmoid()


def clip_boxes(boxes: Tensor, frames: int) -> Tensor:
    """Return the boxes `(1, Q, 4)` around those of several frames `(T, Q, 4)`.

    Args:
        boxes: centre (x, y) and size (width, height), 0 to 1.
        frames: how many the weights are made for.
    """
    middle = middle_of(len(boxes))
    some = boxes[max(middle - middle_of(frames), 0) : middle + frames]
    centre, size = some.chunk(2, -1)
    low = (centre - size / 2).clamp(0, 1).amin(0, keepdim=True)
    high = (centre + size / 2).clamp(0, 1).amax(0, keepdim=True)
    return torch.cat([(low + high) / 2, high - low], -1)


def sampled_frames(clip_frames: int, frames: int) -> list[int]:
    """Return the frames that temporal attention looks at; the last one repeats in a short clip.

    Args:
        clip_frames: of the clip.
        frames: how many the weights are made for.
    """
    step = max(clip_frames // frames, 1)
    start = max(middle_of(clip_frames) - middle_of(frames) * step, 0)
    chosen = list(range(start, clip_frames, step))[:frames]
    return chosen + chosen[-1:] * (frames - len(chosen))
