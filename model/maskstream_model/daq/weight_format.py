"""Weight files of DVIS-DAQ: published files have the names that our networks have."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.checkpoint import state_of
from maskstream_model.config import RefinerConfig, SegmenterConfig, TrackerConfig
from maskstream_model.daq.networks import build_networks
from maskstream_model.daq.presets import preset, preset_names
from maskstream_model.families import WeightFormat
from maskstream_model.loading import class_count_hint

HEAD = "tracker.class_embed.weight"


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    config = preset(name)
    refiner = None if config.offline is None else config.offline.refiner
    return _targets(config.segmenter, config.tracker, config.num_classes, refiner)


@cache
def _targets(
    segmenter: SegmenterConfig,
    tracker: TrackerConfig,
    num_classes: int,
    refiner: RefinerConfig | None,
) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(build_networks(segmenter, tracker, num_classes, refiner).parts)


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights."""
    return checkpoint.fingerprint(weights, preset(name))


def hint(weights: Mapping[str, Tensor]) -> str | None:
    """Describe an official checkpoint that fits no preset, as far as its tensors show."""
    if any(name.startswith("refiner.") for name in weights):
        return "it has the refiner of an offline model, but fits none that is released"
    if not any(name.startswith("tracker.") for name in weights):
        return "it has no tracker"
    return class_count_hint(weights, HEAD, [preset(name).num_classes for name in preset_names()])


FORMAT = WeightFormat(
    targets,
    fingerprint,
    hint=hint,
    prefixes=("backbone.", "sem_seg_head.", "tracker.", "refiner."),
)
