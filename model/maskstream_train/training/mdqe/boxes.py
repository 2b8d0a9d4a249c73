"""Overlap of boxes, each with each."""

import torch
from torch import Tensor


def corners(boxes: Tensor) -> Tensor:
    """Return left, top, right, bottom of boxes `(..., 4)` of centre and size."""
    centre, size = boxes.chunk(2, -1)
    return torch.cat([centre - size / 2, centre + size / 2], -1)


def overlaps(some: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return IoU and generalised IoU `(..., N, M)` of boxes `(..., N, 4)` and `(..., M, 4)`.

    The generalised IoU is -1 to 1: the IoU, less the share of the box around both that is empty.
    """
    one, two = corners(some)[..., :, None, :], corners(others)[..., None, :, :]
    common = _area(
        torch.maximum(one[..., :2], two[..., :2]), torch.minimum(one[..., 2:], two[..., 2:])
    )
    areas = _area(one[..., :2], one[..., 2:]) + _area(two[..., :2], two[..., 2:])
    union = (areas - common).clamp(min=1e-7)
    around = _area(
        torch.minimum(one[..., :2], two[..., :2]), torch.maximum(one[..., 2:], two[..., 2:])
    ).clamp(min=1e-7)
    iou = common / union
    return iou, iou - (around - union).clamp(min=0) / around


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp(min=0).prod(-1)
