"""From a configuration and a weight file to a model that steps (docs/model.md 5)."""

import torch

from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.families import Weights
from maskstream_model.loading import seeded, usable_device, weight_file


def load(
    config: ModelConfig, weights: Weights | None, device: str | torch.device
) -> OnlineDaq | OfflineDaq:
    """Build a model and load its weights.

    Args:
        config: what to build, and the rules to run it with.
        weights: path, "random", or None for the file that is shipped with the preset.
        device: where it runs.

    Raises:
        ConfigError: the device is not here.
        CheckpointError: no such weights, or they do not fit.
    """
    place, file = usable_device(device), weight_file(config.name, weights)
    refiner = None if config.offline is None else config.offline.refiner
    networks = seeded(
        lambda: build_networks(config.segmenter, config.tracker, config.num_classes, refiner)
    )
    if file is None:
        digest = fingerprint(state_of(networks.parts), config)
    else:
        file.fill(networks.parts, file.tensors)
        digest = fingerprint(file.tensors, config)
    # After the fingerprint, which is of the weights as they were published.
    segmenter = fold_batch_norm(networks.segmenter)
    online = OnlineDaq(config, segmenter, networks.tracker, place, digest)
    return online if networks.refiner is None else OfflineDaq(online, networks.refiner)
