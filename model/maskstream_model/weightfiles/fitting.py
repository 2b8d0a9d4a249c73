"""Which presets a set of weights fits, by names and shapes alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from maskstream_model.checkpoint import Misfits, misfits, state_of
from maskstream_model.config import RefinerConfig, SegmenterConfig, TrackerConfig
from maskstream_model.daq.networks import build_networks
from maskstream_model.presets import preset, preset_names


@dataclass(frozen=True)
class Fit:
    """A preset, and all of a file that does not fit it."""

    preset: str
    misfits: Misfits


def fits(weights: Mapping[str, Tensor], names: list[str] | None = None) -> list[Fit]:
    """Hold weights against presets.

    Args:
        weights: tensors by name, as `load_weights` returns them.
        names: presets to try; all of them where left out.

    Returns:
        one entry per preset, the best first.

    Raises:
        ConfigError: an unknown preset.
    """
    found = [
        Fit(name, misfits(targets(name), weights))
        for name in (preset_names() if names is None else names)
    ]
    return sorted(found, key=lambda fit: fit.misfits.count)


def targets(name: str) -> dict[str, Tensor]:
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
