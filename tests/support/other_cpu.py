"""A pytest plugin that rounds as some other CPU might: `-p support.other_cpu`, `OTHER_CPU=seed`.

The output of every linear and convolution layer is moved by the size of float32 rounding, as
another order of its sums would: by noise that is a function of the output, so that equal inputs
still give equal outputs. What passes under many seeds is not pinned to one CPU.
"""

import os

import pytest
import torch
from torch import Tensor, nn

RELATIVE = 2e-7
"""About two steps of float32: sums of some hundred products in another order differ by as much."""


@pytest.fixture(autouse=True, scope="session")
def another_cpu() -> None:
    """Move what layers compute, from the first test on."""
    seed = int(os.environ.get("OTHER_CPU", "0"))

    def move(module: nn.Module, inputs: object, output: object) -> Tensor | None:
        if not isinstance(module, nn.Linear | nn.Conv2d) or not isinstance(output, Tensor):
            return None
        if output.requires_grad or output.is_meta:
            return None
        noise = torch.sin(output * 1e4 + seed)
        return output + RELATIVE * output.abs().mean() * noise

    torch.nn.modules.module.register_module_forward_hook(move)
