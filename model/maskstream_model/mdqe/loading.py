"""From a configuration and a weight file to a model that steps."""

import torch

from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.families import Weights
from maskstream_model.loading import WeightFile, seeded, usable_device, weight_file
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.model import MdqeModel
from maskstream_model.mdqe.network import MdqeNetwork
from maskstream_model.mdqe.weight_format import with_window
from maskstream_model.mdqe.weight_names import under_our_names


def load(config: MdqeConfig, weights: Weights | None, device: str) -> MdqeModel:
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
    return _model(config, seeded(lambda: MdqeNetwork(config.network, config.num_classes)), place)


def built(config: MdqeConfig, file: WeightFile, device: torch.device) -> MdqeModel:
    """Return a model with the weights of a file, published or ours.

    Raises:
        CheckpointError: they do not fit.
    """
    tensors = under_our_names(file.tensors)
    config = with_window(config, tensors)
    network = file.network(lambda: MdqeNetwork(config.network, config.num_classes), tensors)
    return _model(config, network, device)


def _model(config: MdqeConfig, network: MdqeNetwork, device: torch.device) -> MdqeModel:
    return MdqeModel(config, network, device, fingerprint(state_of(network), config))
