"""From a configuration and a weight file to a model that steps."""

from collections.abc import Mapping
from shlex import quote

import torch
from torch import Tensor

from maskstream_model.checkpoint import (
    PRESET,
    fingerprint,
    header_of,
    load_into,
    load_weights,
    state_of,
)
from maskstream_model.errors import CheckpointError
from maskstream_model.families import Weights
from maskstream_model.loading import RANDOM, shipped, usable_device
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork
from maskstream_model.videomt.weight_format import with_grid
from maskstream_model.videomt.weight_names import is_dinov3, renamed


def load(config: VideomtConfig, weights: Weights | None, device: str) -> VideomtModel:
    """Build a model and load its weights.

    Args:
        config: what to build, and the rules to run it with.
        weights: path of a published file or of one of ours, or "random".
        device: where it runs.

    Raises:
        ConfigError: the device is not here.
        CheckpointError: no such weights, or they do not fit.
    """
    place = usable_device(device)
    if weights == RANDOM:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = VideomtNetwork(config.network, config.num_classes)
        return _model(config, network, place)
    path = shipped(config.name) if weights is None else weights
    published = load_weights(path)
    if is_dinov3(published):
        raise CheckpointError(f"{path} is a VidEoMT on DINOv3, which no preset is for")
    preset = header_of(path).get(PRESET, config.name)
    if preset != config.name:
        raise CheckpointError(f"{path} holds weights of {preset}, not of {config.name}")
    verify = f"maskstream weights verify {quote(str(path))} --preset {config.name}"
    return built(config, renamed(published), place, f"`{verify}` lists all")


def built(
    config: VideomtConfig, tensors: Mapping[str, Tensor], device: torch.device, rest: str = ""
) -> VideomtModel:
    """Return a model with these weights, under our names; `rest` is as of `load_into`.

    Raises:
        CheckpointError: they do not fit.
    """
    config = with_grid(config, tensors)
    with torch.device("meta"):  # Initialising random weights would take seconds.
        network = VideomtNetwork(config.network, config.num_classes)
    network = network.to_empty(device="cpu")
    load_into(network, tensors, rest)
    return _model(config, network, device)


def _model(config: VideomtConfig, network: VideomtNetwork, device: torch.device) -> VideomtModel:
    return VideomtModel(config, network, device, fingerprint(state_of(network), config))
