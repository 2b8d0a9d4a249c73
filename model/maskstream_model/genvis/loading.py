"""From a configuration and a weight file to a model that steps."""

import torch

from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.families import Weights
from maskstream_model.genvis.config import GenvisConfig
from maskstream_model.genvis.frames import FrameEncoder
from maskstream_model.genvis.model import GenvisModel
from maskstream_model.genvis.networks import build_networks
from maskstream_model.genvis.weight_format import adapted
from maskstream_model.loading import WeightFile, seeded, usable_device, weight_file


def load(config: GenvisConfig, weights: Weights | None, device: str) -> GenvisModel:
    """Build a model and load its weights.

    Args:
        config: what to build, and the rules to run it with.
        weights: path of a published file or of one of ours, or "random".
        device: where it runs.

    Raises:
        ConfigError: the device is not here.
        CheckpointError: no such weights, or they do not fit.
    """
    return built(config, weight_file(config.name, weights), usable_device(device))


def built(config: GenvisConfig, file: WeightFile | None, device: torch.device) -> GenvisModel:
    """Return a model with the weights of a file, or with random ones.

    Raises:
        CheckpointError: the weights do not fit.
    """
    networks = seeded(lambda: build_networks(config.segmenter, config.clips, config.num_classes))
    if file is not None:
        file.fill(networks.parts, adapted(config.name, file.tensors))
    digest = fingerprint(state_of(networks.parts), config)
    # After the fingerprint, which is of the weights as they were published.
    encoder = FrameEncoder(fold_batch_norm(networks.segmenter), networks.clips.vita_mask_features)
    return GenvisModel(config, encoder, networks.clips, device, digest)
