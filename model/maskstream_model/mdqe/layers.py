"""Layers that encoder and decoder share: perceptrons with a GELU, normalised sums."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from maskstream_model.mask2former.attention import MLP


class GeluLayers(MLP):
    """Linear layers with an exact GELU between them, named as in the released files."""

    activation: Callable[[Tensor], Tensor] = staticmethod(F.gelu)


def split_levels(tokens: Tensor, shapes: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """Return the maps `(B, C, h, w)` of levels whose tokens are `(B, S, C)`."""
    parts = torch.split(tokens, [height * width for height, width in shapes], 1)
    # (B, h * w, C) -> (B, C, h * w) -> (B, C, h, w)
    return [part.mT.view(len(part), -1, *shape) for part, shape in zip(parts, shapes, strict=True)]
