"""Backbones whose norms do something, and what they make of the same images."""

import torch
from torch import nn

from maskstream_model.backbones.resnet import FrozenBatchNorm2d


def norms(network: nn.Module) -> list[FrozenBatchNorm2d]:
    """The frozen norms of a network."""
    return [module for module in network.modules() if isinstance(module, FrozenBatchNorm2d)]


def stirred(network: nn.Module) -> nn.Module:
    """The network with other numbers in its norms than those that change nothing."""
    for norm in norms(network):
        for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
            tensor.copy_(torch.rand_like(tensor) + 0.5)
    return network.eval()


def maps_of(network: nn.Module) -> tuple[torch.Tensor, ...]:
    """The four maps of one image of 64x96 pixels, the same on every call."""
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return network(images)


def assert_same_maps(ours: tuple[torch.Tensor, ...], theirs: tuple[torch.Tensor, ...]) -> None:
    """Maps are the same up to rounding."""
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
