"""From a configuration and a weight file to a model that steps."""

import torch

from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.errors import CheckpointError
from maskstream_model.families import Weights
from maskstream_model.loading import WeightFile, seeded, usable_device, weight_file
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork
from maskstream_model.videomt.weight_format import with_grid
from maskstream_model.videomt.weight_names import is_dinov3, under_our_names


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
    place, file = usable_device(device), weight_file(config.name, weights)
    if file is not None:
        return built(config, file, place)
    network = seeded(lambda: VideomtNetwork(config.network, config.num_classes))
    return _model(config, network, place)


def built(config: VideomtConfig, file: WeightFile, device: torch.device) -> VideomtModel:
    """Return a model with the weights of a file, published or ours.

    Raises:
        CheckpointError: they do not fit.
    """
    if is_dinov3(file.tensors):
        raise CheckpointError(f"{file.path} is a VidEoMT on DINOv3, which no preset is for")
    tensors = under_our_names(file.tensors)
    config = with_grid(config, tensors)
    network = file.network(lambda: VideomtNetwork(config.network, config.num_classes), tensors)
    return _model(config, network, device)


def _model(config: VideomtConfig, network: VideomtNetwork, device: torch.device) -> VideomtModel:
    return VideomtModel(config, network, device, fingerprint(state_of(network), config))
