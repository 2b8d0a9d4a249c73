"""Weight files of SgMg: the authors', and ours, which leave out what they have twice."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.checkpoint import Renames, renamed, state_of
from maskstream_model.families import WeightFormat
from maskstream_model.sgmg.config import NetworkConfig
from maskstream_model.sgmg.network import SgmgNetwork
from maskstream_model.sgmg.presets import preset

RENAMES: Renames = (
    # The same tensors as `bbox_embed.`
    (r"^transformer\.decoder\.bbox_embed\.", None),
    # Numbers from 0 on, which versions of transformers did or did not store.
    (r"^text_encoder\.text_backbone\.embeddings\.position_ids$", None),
)


def adapted(name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a published file without those that nothing here reads."""
    return renamed(tensors, RENAMES)


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    return _targets(preset(name).network)


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights."""
    return checkpoint.fingerprint(weights, preset(name))


@cache
def _targets(network: NetworkConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(SgmgNetwork(network))


PREFIXES = (
    *("backbone.0.body.", "bbox_embed.", "class_embed.", "controller.", "fusion_module."),
    *("input_fft.", "input_fft_post.", "input_proj.", "mask_refine.", "query_embed."),
    *("sentence_proj.", "text_encoder.", "text_proj.", "transformer."),
)
FORMAT = WeightFormat(targets, fingerprint, adapted, prefixes=PREFIXES)
