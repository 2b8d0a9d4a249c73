"""Weight files of VidEoMT: the authors', those of `transformers`, and ours."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.checkpoint import state_of
from maskstream_model.families import WeightFormat
from maskstream_model.videomt.config import NetworkConfig, VideomtConfig
from maskstream_model.videomt.network import VideomtNetwork
from maskstream_model.videomt.presets import preset
from maskstream_model.videomt.weight_names import POSITIONS, grid_of, is_dinov3, under_our_names


def adapted(name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a published file under our names."""
    return under_our_names(tensors)


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    config = preset(name)
    return _targets(config.network, config.num_classes)


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights, under our names."""
    return checkpoint.fingerprint(weights, with_grid(preset(name), weights))


def with_grid(config: VideomtConfig, weights: Mapping[str, Tensor]) -> VideomtConfig:
    """Return a configuration with the grid of positions that weights have."""
    grid = grid_of(weights, config.network.grid)
    return replace(config, network=replace(config.network, grid=grid))


def hint(weights: Mapping[str, Tensor]) -> str | None:
    """Describe a checkpoint that fits no preset, as far as its tensors show."""
    return "it is a VidEoMT on DINOv3, which no preset is for" if is_dinov3(weights) else None


@cache
def _targets(network: NetworkConfig, num_classes: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(VideomtNetwork(network, num_classes))


FORMAT = WeightFormat(
    targets,
    fingerprint,
    adapted,
    hint,
    free_shapes=(POSITIONS,),
    prefixes=("class_head.", "mask_head.", "queries.", "query_updater.", "upscale.", "vit."),
)
