"""From a configuration and a weight file to a model that steps."""

from collections.abc import Mapping

from torch import Tensor

from maskstream_model.association.model import AssociatedSegmenter
from maskstream_model.association.presets import DEMO, TRACKERS
from maskstream_model.backbones.resnet import fold_batch_norm
from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.config import ModelConfig
from maskstream_model.families import Weights
from maskstream_model.loading import seeded, usable_device, weight_file
from maskstream_model.mask2former.mmdetection import from_mmdetection
from maskstream_model.mask2former.segmenter import Segmenter
from maskstream_model.tasks.bilinear import bilinear_bytes, bilinear_floats
from maskstream_model.tasks.preprocess import Resize, pillow


def load(
    config: ModelConfig, weights: Weights | None = None, device: str = "cpu"
) -> AssociatedSegmenter:
    """Build a model and load its weights; arguments and errors are those of `Family.load`."""
    place = usable_device(device)
    file = weight_file("demo" if config.name == DEMO else config.name, weights)
    segmenter = seeded(lambda: Segmenter(config.segmenter, config.num_classes, reid_head=False))
    if file is None:
        tensors: Mapping[str, Tensor] = state_of(segmenter)
    else:
        tensors = _adapted(config, file.tensors)
        file.fill(segmenter, tensors)
    digest = fingerprint(tensors, config)
    # After the fingerprint, which is of the weights as they were published.
    segmenter = fold_batch_norm(segmenter)
    return AssociatedSegmenter(config, segmenter, place, digest, _resize_of(config))


def _adapted(config: ModelConfig, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a file that the segmenter reads, under our names."""
    if config.name != DEMO:
        return from_mmdetection(tensors)
    return {name: each for name, each in tensors.items() if not name.startswith(TRACKERS)}


def _resize_of(config: ModelConfig) -> Resize:
    """Return how the frames of a model were resized when it was trained and measured."""
    if config.name == DEMO:
        return pillow
    # Of a panoptic model, whatever it is used for.
    panoptic = any(not info.thing for info in config.classes)
    return bilinear_bytes if panoptic else bilinear_floats
