"""Float64 for what must not depend on the order of sums, as batches change it.

In float32 a logit may be 0 up to rounding; a batch then has another sign than a frame alone, on one
CPU or another, and all that follows differs. In float64 rounding is too small for that.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn


@contextmanager
def double_precision(*networks: nn.Module) -> Iterator[None]:
    """Let networks compute in float64, for good, and the tensors made inside be of it."""
    for network in networks:
        network.double()
    before = torch.get_default_dtype()
    with pytest.MonkeyPatch.context() as patch:
        # What widens half precision to float32 would round to it.
        patch.setattr(Tensor, "float", Tensor.double)
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(before)
