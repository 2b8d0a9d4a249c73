"""What the training loop needs of a stage, and the progress that it passes to one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from maskstream_train.training.targets import ClipBatch


@dataclass(frozen=True)
class Moment:
    """Where in a run a step stands.

    Attributes:
        step: number of steps taken before.
        progress: share of the budget that is spent, 0 to 1.
        generator: random tensors of the step, on the training device.
        draw: random numbers of the step, on the host.
    """

    step: int
    progress: float
    generator: torch.Generator
    draw: np.random.Generator


class Stage(Protocol):
    """One part of training: what learns, from which loss, and what is written at the end.

    Attributes:
        name: names the stage's files.
        module: all that learns; saved, averaged, resumed.
        views: steps taken on one batch before the next one is fetched.
        idle_parameters: whether a step may leave some parameters without a gradient; processes
            that train together then search for them after every step.
        earlier: what a weight file says about the training of the parts that are taken over; steps
            and minutes of this stage itself are added to.
    """

    name: str
    module: nn.Module
    views: int
    idle_parameters: bool
    earlier: Mapping[str, str]

    def losses(self, batch: ClipBatch, moment: Moment) -> dict[str, Tensor]:
        """Return weighted scalar losses; their sum is what is minimised.

        Of several processes each asks for means (`distribution.py`) as often as the others.
        """
        ...

    def export(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the whole model's weights, `tensors` being (averaged) values of `module`."""
        ...


def moment_of(seed: int, step: int, progress: float, device: torch.device, rank: int = 0) -> Moment:
    """Return the moment of a step; its random numbers depend on seed, step and process alone."""
    place = seed * 1_000_000_007 + step + rank * 500_000_000_003
    generator = torch.Generator(device=device).manual_seed(place)
    several = [rank] if rank else []
    return Moment(step, progress, generator, np.random.default_rng([seed, step, 1, *several]))
