"""Optimiser, learning rate and averaged weights (AdamW: docs/model.md 6.3).

The rate falls in steps, as in the paper, or along a cosine over the budget. There, progress is a
share of it, 0 to 1, whether that is minutes or steps: a run that is slower than hoped still ends
with a small learning rate.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.BatchNorm2d, nn.Embedding)


def learning_rate_factor(progress: float, step: int, warm_up: int, floor: float = 0.02) -> float:
    """Return the factor on the base rate: linear warm-up over steps, then cosine to `floor`."""
    rise = min(1.0, (step + 1) / max(1, warm_up))
    share = min(1.0, max(0.0, progress))
    return rise * (floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * share)))


def step_decay_factor(
    step: int, warm_up: int, decay_steps: Sequence[int], decay_factor: float
) -> float:
    """Return the factor on the base rate: times `decay_factor` at each of `decay_steps`.

    Differs from reference: warm-up is linear from 0. There it starts at factor 1.0, which is none,
    and the presets ask for none.
    """
    rise = min(1.0, (step + 1) / max(1, warm_up))
    return float(rise * decay_factor ** sum(step >= at for at in decay_steps))


def parameter_groups(
    module: nn.Module, weight_decay: float, backbone_factor: float = 1.0
) -> list[dict[str, Any]]:
    """Split trainable parameters: no decay for norms, embeddings and biases (docs/model.md 6.3).

    Args:
        module: learns.
        weight_decay: of all other parameters.
        backbone_factor: on the rate of what is in a submodule named "backbone"; each group's
            factor is under its key `rate`.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {
        (1.0, weight_decay): [],
        (1.0, 0.0): [],
    }
    for name, owner, parameter in _owned_parameters(module):
        rate = backbone_factor if "backbone" in name.split(".") else 1.0
        free = isinstance(owner, NORMS) or parameter.ndim < 2
        groups.setdefault((rate, 0.0 if free else weight_decay), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "rate": rate}
        for (rate, decay), parameters in groups.items()
    ]


def _owned_parameters(module: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    seen: set[int] = set()
    for name, owner in module.named_modules():
        for parameter in owner.parameters(recurse=False):
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, owner, parameter


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
