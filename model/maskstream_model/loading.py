"""From a configuration and a weight file to a model that steps (docs/model.md 5)."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from shlex import quote

import torch
from torch import Tensor

from maskstream_model.checkpoint import (
    PRESET,
    Parts,
    fingerprint,
    header_of,
    load_into,
    load_weights,
    state_of,
)
from maskstream_model.config import ModelConfig
from maskstream_model.daq.networks import Networks, build_networks
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.errors import CheckpointError, ConfigError

SHIPPED = Path(__file__).parent / "weights"
RANDOM = "random"


def load(
    config: ModelConfig, weights: str | PathLike[str] | None, device: str | torch.device
) -> OnlineDaq | OfflineDaq:
    """Build a model and load its weights.

    Args:
        config: what to build, and the rules to run it with.
        weights: path, "random", or None for the shipped file `weights/<name>.safetensors`.
        device: where it runs.

    Raises:
        ConfigError: the device is not here.
        CheckpointError: no such weights, or they do not fit.
    """
    build = _online if config.offline is None else _offline
    place = usable_device(device)
    return build(config, *_networks(config, weights), place)


def _networks(
    config: ModelConfig, weights: str | PathLike[str] | None
) -> tuple[Networks, Mapping[str, Tensor]]:
    """Return networks, and the weights that were loaded into them."""
    if weights == RANDOM:
        return _random(config)
    path = shipped(config.name) if weights is None else weights
    tensors = weights_for(config.name, path)
    networks, _ = _random(config)
    fill(networks.parts, tensors, path, config.name)
    return networks, tensors


def weights_for(name: str, path: str | PathLike[str]) -> dict[str, Tensor]:
    """Read the weight file of a preset; whether it fits is not checked yet.

    Raises:
        CheckpointError: no weight file, or one that names another preset.
    """
    tensors = load_weights(path)
    # Names and shapes alone cannot tell models of data sets with as many classes apart.
    written = header_of(path).get(PRESET, name)
    if written != name:
        raise CheckpointError(f"{path} holds weights of {written}, not of {name}")
    return tensors


def fill(parts: Parts, tensors: Mapping[str, Tensor], path: str | PathLike[str], name: str) -> None:
    """Copy the weights of a file into the networks of a preset.

    Raises:
        CheckpointError: they do not fit; says how to see all that does not.
    """
    verify = f"maskstream weights verify {quote(str(path))} --preset {name}"
    load_into(parts, tensors, rest=f"`{verify}` lists all")


def _random(config: ModelConfig) -> tuple[Networks, Mapping[str, Tensor]]:
    refiner = None if config.offline is None else config.offline.refiner
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = build_networks(config.segmenter, config.tracker, config.num_classes, refiner)
    return networks, state_of(networks.parts)


def _online(
    config: ModelConfig, networks: Networks, weights: Mapping[str, Tensor], device: torch.device
) -> OnlineDaq:
    digest = fingerprint(weights, config)
    return OnlineDaq(config, networks.segmenter, networks.tracker, device, digest)


def _offline(
    config: ModelConfig, networks: Networks, weights: Mapping[str, Tensor], device: torch.device
) -> OfflineDaq:
    assert networks.refiner is not None  # `config` has one
    return OfflineDaq(_online(config, networks, weights, device), networks.refiner)


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
