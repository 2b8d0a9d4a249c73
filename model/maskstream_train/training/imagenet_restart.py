"""A segmenter back on ImageNet weights: its backbone anew, the layers after it fitted to that.

A backbone that has learned from drawn things no longer knows the names of real ones, which ImageNet
weights tell apart. Least squares choose the 1x1 convolutions behind the new backbone so that the
rest of the segmenter sees about what it saw before.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import below, load_into
from maskstream_model.config import SegmenterConfig
from maskstream_model.mask2former.segmenter import Segmenter

LATERAL = "sem_seg_head.pixel_decoder.adapter_1"
PROJECTIONS = tuple(f"sem_seg_head.pixel_decoder.input_proj.{level}.0" for level in range(3))
"""1x1 convolutions of the finest map, and of the coarser ones from the coarsest on."""
RIDGE = 1e-3
"""Of the least squares, relative to the mean square of the inputs."""


def restarted(
    weights: Mapping[str, Tensor],
    backbone: Mapping[str, Tensor],
    config: SegmenterConfig,
    images: Sequence[Tensor],
) -> dict[str, Tensor]:
    """Return a segmenter's weights on another backbone's.

    Args:
        weights: of the segmenter; what else a file holds stays as it is.
        backbone: weights by names below `backbone.`.
        config: of the segmenter.
        images: batches `(B, 3, h, w)` normalised float32, of what is to be seen; equal maps on
            these are the aim.
    """
    old = Segmenter(config, num_classes=1).backbone.eval()
    new = Segmenter(config, num_classes=1).backbone.eval()
    load_into(old, below(weights, "backbone."))
    load_into(new, backbone)
    changed = dict(weights) | {f"backbone.{name}": value for name, value in backbone.items()}
    before, after = _cells(old, images), _cells(new, images)
    for name, wanted, found in zip((LATERAL, *PROJECTIONS[::-1]), before, after, strict=True):
        changed |= _refitted(name, weights, wanted, found)
    return changed


@torch.no_grad()
def _cells(backbone: nn.Module, images: Sequence[Tensor]) -> list[Tensor]:
    """Return the features `(N, C)` of all cells, by level from the finest on."""
    maps = [backbone(batch) for batch in images]
    levels = zip(*maps, strict=True)
    return [torch.cat([m.permute(0, 2, 3, 1).flatten(0, 2) for m in level]) for level in levels]


def _refitted(
    name: str, weights: Mapping[str, Tensor], wanted: Tensor, found: Tensor
) -> dict[str, Tensor]:
    """Fit a 1x1 convolution, with its bias if it has one, to what it gave on the old features."""
    weight, bias = weights[f"{name}.weight"].flatten(1), weights.get(f"{name}.bias")
    target = (wanted @ weight.T).double()
    inputs = found.double()
    if bias is not None:
        inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], 1)
    square = inputs.T @ inputs
    square.diagonal().add_(RIDGE * float(square.diagonal().mean()))
    solved = torch.linalg.solve(square, inputs.T @ target).float()  # (C or C + 1, outputs)
    fitted = {f"{name}.weight": solved[: found.shape[1]].T.reshape(weights[f"{name}.weight"].shape)}
    return fitted if bias is None else fitted | {f"{name}.bias": bias + solved[-1]}
