"""Weight files of MDQE: the authors', and ours."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.checkpoint import state_of
from maskstream_model.config.networks import SwinV2Config
from maskstream_model.families import WeightFormat
from maskstream_model.mdqe.config import MdqeConfig, NetworkConfig
from maskstream_model.mdqe.network import MdqeNetwork
from maskstream_model.mdqe.presets import preset
from maskstream_model.mdqe.weight_names import under_our_names

TABLES = ("relative_coords_table", "relative_position_index")
"""Tensors of Swin V2 whose shape says how large its windows are."""


def adapted(name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a published file under our names."""
    return under_our_names(tensors)


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    config = preset(name)
    return _targets(config.network, config.num_classes)


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights, under our names."""
    return checkpoint.fingerprint(weights, with_window(preset(name), weights))


def with_window(config: MdqeConfig, weights: Mapping[str, Tensor]) -> MdqeConfig:
    """Return a configuration with the windows that weights of Swin V2 have; under our names."""
    backbone = config.network.backbone
    tables = [weights.get(_table(stage, 0, TABLES[0])) for stage in (0, 3)]
    if not isinstance(backbone, SwinV2Config):
        return config
    sides = [
        (table.shape[1] + 1) // 2 for table in tables if table is not None and table.dim() == 4
    ]
    if len(sides) < len(tables):
        return config
    first, last = sides
    # A smaller window in the last stage is the whole map there; else no map is as small as one.
    picture = 32 * last if last < first else 64 * first
    backbone = replace(backbone, window=first, picture=picture)
    return replace(config, network=replace(config.network, backbone=backbone))


@cache
def _targets(network: NetworkConfig, num_classes: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(MdqeNetwork(network, num_classes))


def _table(stage: int, block: int, name: str) -> str:
    return f"backbone.layers.{stage}.blocks.{block}.attn.{name}"


FORMAT = WeightFormat(
    targets,
    fingerprint,
    adapted,
    free_shapes=tuple(
        _table(stage, block, name)
        for stage, depth in enumerate(SwinV2Config().depths)
        for block in range(depth)
        for name in TABLES
    ),
    prefixes=("backbone.", "transformer_enc.", "transformer_dec.", "input_proj."),
)
