"""Layers that encoder and decoder share: perceptrons with a GELU, normalised sums."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class GeluLayers(nn.Module):
    """Linear layers with an exact GELU between them, named as in the released files."""

    def __init__(self, inputs: int, hidden: int, outputs: int, depth: int = 3) -> None:
        super().__init__()
        widths = [inputs] + [hidden] * (depth - 1) + [outputs]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))

    def forward(self, x: Tensor) -> Tensor:
        """Map `(..., inputs)` to `(..., outputs)`."""
        *hidden, last = self.layers
        for layer in hidden:
            x = F.gelu(layer(x))
        output: Tensor = last(x)
        return output


def split_levels(tokens: Tensor, shapes: tuple[tuple[int, int], ...]) -> list[Tensor]:
    """Return the maps `(B, C, h, w)` of levels whose tokens are `(B, S, C)`."""
    parts = torch.split(tokens, [height * width for height, width in shapes], 1)
    # (B, h * w, C) -> (B, C, h * w) -> (B, C, h, w)
    return [part.mT.view(len(part), -1, *shape) for part, shape in zip(parts, shapes, strict=True)]
