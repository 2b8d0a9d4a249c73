"""Optimiser, learning rate and averaged weights (AdamW: SPEC.md 6.3; cosine).

Progress is a share of the budget, 0 to 1, whether that is minutes or steps: a run that is slower
than hoped still ends with a small learning rate.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm2d, nn.Embedding)


def learning_rate_factor(progress: float, step: int, warm_up: int, floor: float = 0.02) -> float:
    """Return the factor on the base rate: linear warm-up over steps, then cosine to `floor`."""
    rise = min(1.0, (step + 1) / max(1, warm_up))
    share = min(1.0, max(0.0, progress))
    return rise * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * share)))


def parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Split trainable parameters: no decay for norms, embeddings and biases (SPEC.md 6.3)."""
    plain: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    for owner, parameter in _owned_parameters(module):
        free = isinstance(owner, NORMS) or parameter.ndim < 2
        (plain if free else decayed).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


def _owned_parameters(module: nn.Module) -> Iterator[tuple[nn.Module, nn.Parameter]]:
    seen: set[int] = set()
    for owner in module.modules():
        for parameter in owner.parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield owner, parameter


class AveragedWeights:
    """Exponential moving average of a module's float tensors, BatchNorm statistics included."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._decay = decay
        self._live = {k: v for k, v in module.state_dict().items() if v.is_floating_point()}
        self.tensors = {name: value.clone() for name, value in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the module's present weights; early steps move faster."""
        decay = min(self._decay, (1.0 + step) / (10.0 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._live.values()), 1.0 - decay)

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take over the averages that a checkpoint holds."""
        for name, value in self.tensors.items():
            value.copy_(tensors[name])
