"""Several processes, one run: torch's own launcher and process groups.

See docs/model.md 6.3: batch of 8.

    torchrun --nproc-per-node 2 --no-python maskstream train --device cuda ...

Each process makes its share of every batch and the gradients are averaged; the first process
writes. Alone, every function here is the identity.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from maskstream_model.errors import TrainingError


@dataclass(frozen=True)
class Share:
    """This process's place: `rank` 0 to `size - 1`."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def of(self, count: int) -> range:
        """Return the rows of a batch of `count` that are made here: as even as can be.

        Raises:
            TrainingError: there are fewer rows than processes.
        """
        if count < self.size:
            raise TrainingError(f"{self.size} processes cannot share a batch of {count} clips")
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)


def share() -> Share:
    """Return this process's place in the group, or that of a process which is alone."""
    return Share(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Share()


@contextmanager
def joined(device: str) -> Iterator[str]:
    """Join the group that torchrun started, if it did; yields the device of this process.

    Args:
        device: "cuda" becomes the GPU of this process; NCCL joins GPUs, Gloo all others.
    """
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield device
        return
    if device == "cuda":
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def spread(module: nn.Module, idle_parameters: bool) -> nn.Module:
    """Return `module` such that calling it averages gradients over the processes.

    Args:
        module: called once a step.
        idle_parameters: see `Stage`. Where there are some and False is given, the next step
            raises; True costs a walk through the graph at every step.
    """
    if not dist.is_initialized():
        return module
    return nn.parallel.DistributedDataParallel(module, find_unused_parameters=idle_parameters)


def mean_over_processes(value: float, device: torch.device) -> float:
    """Return the mean of a number, as the number of masks that losses are divided by."""
    if not dist.is_initialized():
        return value
    total = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(total)
    return float(total) / dist.get_world_size()


def anywhere(flag: bool, device: torch.device) -> bool:
    """Say whether `flag` holds in any process, so that all stop at the same step."""
    return mean_over_processes(float(flag), device) > 0


@torch.no_grad()
def take_from_first(tensors: Iterator[Tensor]) -> None:
    """Overwrite tensors with those of the first process."""
    if dist.is_initialized():
        for tensor in tensors:
            dist.broadcast(tensor, 0)


def wait_for_all() -> None:
    """Return when every process has come here."""
    if dist.is_initialized():
        dist.barrier()
