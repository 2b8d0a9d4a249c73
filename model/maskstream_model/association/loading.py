"""From a configuration and a weight file to a model that steps."""

from collections.abc import Mapping

import torch
from torch import Tensor

from maskstream_model.association.model import AssociatedSegmenter
from maskstream_model.association.presets import DEMO, TRACKERS
from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.families import Weights
from maskstream_model.loading import RANDOM, fill, shipped, usable_device, weights_for
from maskstream_model.mask2former.mmdetection import from_mmdetection
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.tasks.bilinear import bilinear_bytes, bilinear_floats
from maskstream_model.tasks.preprocess import Resize, pillow


def model_of(
    config: ModelConfig, weights: Weights | None = None, device: str = "cpu"
) -> AssociatedSegmenter:
    """Build a model and load its weights; arguments and errors are those of `Family.load`."""
    place = usable_device(device)
    if config.name == DEMO:
        segmenter, tensors = _demo(config, weights)
        return _model(config, segmenter, tensors, place)
    segmenter = _random(config)
    if weights == RANDOM:
        return _model(config, segmenter, state_of(segmenter), place)
    path = shipped(config.name) if weights is None else weights
    published = from_mmdetection(weights_for(config.name, path))
    fill(segmenter, published, path, config.name)
    return _model(config, segmenter, published, place)


def _model(
    config: ModelConfig, segmenter: Segmenter, tensors: Mapping[str, Tensor], place: torch.device
) -> AssociatedSegmenter:
    digest = fingerprint(tensors, config)
    return AssociatedSegmenter(config, segmenter, place, digest, _resize_of(config))


def _resize_of(config: ModelConfig) -> Resize:
    """Return how the frames of a model were resized when it was trained and measured."""
    if config.name == DEMO:
        return pillow
    # Of a panoptic model, whatever it is used for.
    panoptic = any(not info.thing for info in config.classes)
    return bilinear_bytes if panoptic else bilinear_floats


def _demo(config: ModelConfig, weights: Weights | None) -> tuple[Segmenter, Mapping[str, Tensor]]:
    """Return the segmenter of a file of the preset `demo`."""
    path = shipped("demo") if weights is None else weights
    tensors = {
        name: tensor
        for name, tensor in weights_for("demo", path).items()
        if not name.startswith(TRACKERS)
    }
    segmenter = _random(config)
    fill(segmenter, tensors, path, "demo")
    return segmenter, tensors


def _random(config: ModelConfig) -> Segmenter:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Segmenter(config.segmenter, config.num_classes, reid_head=False)
