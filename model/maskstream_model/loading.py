"""What families share that load weights: a device, the file of a preset, networks to fill."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TypeVar

import torch
from torch import Tensor, nn

from maskstream_model.checkpoint import PRESET, Parts, header_of, load_into, load_weights
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.families import Weights

SHIPPED = Path(__file__).parent / "weights"
RANDOM = "random"
"""Stands for a weight file where seeded random weights are wanted."""
Built = TypeVar("Built")
Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class WeightFile:
    """The weights of a preset as a file has them; whether they fit is not checked yet.

    Attributes:
        path: of the file.
        preset: that it is for.
        tensors: by the file's own names.
    """

    path: Weights
    preset: str
    tensors: Mapping[str, Tensor]

    def fill(self, parts: Parts, tensors: Mapping[str, Tensor]) -> None:
        """Copy tensors into networks: those of the file, under the networks' names.

        Raises:
            CheckpointError: they do not fit; the message names the command that lists what differs.
        """
        verify = f"maskstream weights verify {quote(str(self.path))} --preset {self.preset}"
        load_into(parts, tensors, rest=f"`{verify}` lists all")

    def network(self, build: Callable[[], Network], tensors: Mapping[str, Tensor]) -> Network:
        """Build a network with tensors of the file, on the CPU; see `fill`.

        Args:
            build: makes it; random weights, which would take seconds, are not drawn.
            tensors: see `fill`.

        Raises:
            CheckpointError: they do not fit.
        """
        with torch.device("meta"):
            network = build()
        network = network.to_empty(device="cpu")
        self.fill(network, tensors)
        return network


def weight_file(preset: str, weights: Weights | None) -> WeightFile | None:
    """Read the weight file of a preset.

    Args:
        preset: its name.
        weights: path, `RANDOM`, or None for the file that is shipped with the preset.

    Returns:
        None where random weights are wanted.

    Raises:
        CheckpointError: no weight file, or one that names another preset.
    """
    if weights == RANDOM:
        return None
    path = shipped(preset) if weights is None else weights
    tensors = load_weights(path)
    # Names and shapes alone cannot tell models of data sets with as many classes apart.
    written = header_of(path).get(PRESET, preset)
    if written != preset:
        raise CheckpointError(f"{path} holds weights of {written}, not of {preset}")
    return WeightFile(path, preset, tensors)


def seeded(build: Callable[[], Built]) -> Built:
    """Build networks whose random weights are the same each time; torch's own state stays."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


def usable_device(device: str | torch.device) -> torch.device:
    """Return a device on which a tensor can be made.

    Raises:
        ConfigError: there is none of this name here.
    """
    try:
        place = torch.device(device)
        # Read, too: tensors on "meta" can be made, but hold nothing.
        torch.zeros(1, device=place).item()
    except (RuntimeError, AssertionError) as error:
        # CUDA's own messages have several lines.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"device {str(device)!r} cannot be used here: {reason}") from error
    return place


def shipped(name: str) -> Path:
    """Return the weight file that the package brings for a preset.

    Raises:
        CheckpointError: it brings none.
    """
    path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise CheckpointError(
            f"no weights are shipped for {name}; name a file with --weights (or weights=...): "
            "`maskstream weights list` shows which are released"
        )
    return path


def class_count_hint(
    weights: Mapping[str, Tensor], head: str, known: Collection[int]
) -> str | None:
    """Say how many classes a file has, where no preset has as many.

    Args:
        weights: tensors by name.
        head: name of the class head's weights, `(K + 1, C)`.
        known: numbers of classes that presets have.
    """
    if head not in weights or not weights[head].dim():
        return None
    count = len(weights[head]) - 1
    return f"it has {count} classes, as no preset has" if count not in {0, *known} else None
