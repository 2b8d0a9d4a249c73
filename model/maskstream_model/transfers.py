"""Copies between the host and the model's device: one way never waits, the other way waits once."""

from collections.abc import Sequence

import torch
from torch import Tensor


def upload(values: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on `device`; the host goes on while it is copied.

    A GPU reads pinned memory alone without the host's help.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


def download(values: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors on the host as float32; it waits for the device once, for all of them.

    Args:
        values: floats, at least one, all on one device. What is on the host is returned as it is;
            else all results share one block of memory.
    """
    floats = [value.float() for value in values]
    if not floats[0].is_cuda:
        return floats
    packed = torch.cat([value.flatten() for value in floats])
    block = torch.empty(packed.shape, dtype=torch.float32, pin_memory=True)
    block.copy_(packed)
    parts = torch.split(block, [value.numel() for value in floats])
    return [part.view(value.shape) for part, value in zip(parts, floats, strict=True)]
