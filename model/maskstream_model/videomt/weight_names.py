"""Published weights under the names of our network (docs/model.md 10.4).

There are two published forms: the authors' own files, and those of the `transformers` library.
"""

import math
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from maskstream_model.checkpoint import Renames, renamed

OFFICIAL = "backbone.encoder.backbone.pos_embed"
TRANSFORMERS = "embeddings.position_embeddings.weight"
DINOV3 = "backbone.encoder.backbone.patch_embed.register_tokens"
POSITIONS = "vit.pos_embed"
UNUSED = r"^(criterion\.|(backbone\.)?attn_mask_probs|embeddings\.mask_token)"
"""Tensors in the files that inference does not read."""

OFFICIAL_NAMES: Renames = (
    (UNUSED, None),
    (r"^backbone\.encoder\.backbone\.", "vit."),
    (r"^backbone\.q\.", "queries."),
    (r"^backbone\.", ""),
)
TRANSFORMERS_NAMES: Renames = (
    (UNUSED, None),
    (r"^embeddings\.cls_token$", "vit.cls_token"),
    (r"^embeddings\.register_tokens$", "vit.reg_token"),
    (r"^embeddings\.position_embeddings\.weight$", POSITIONS),
    (r"^embeddings\.patch_embeddings\.projection\.", "vit.patch_embed.proj."),
    (r"^layers\.(\d+)\.layer_scale([12])\.lambda1$", r"vit.blocks.\1.ls\2.gamma"),
    (r"^layers\.(\d+)\.attention\.out_proj\.", r"vit.blocks.\1.attn.proj."),
    (r"^layers\.(\d+)\.attention\.([qkv])_proj\.", r"vit.blocks.\1.attn.\2."),
    (r"^layers\.", "vit.blocks."),
    (r"^layernorm\.", "vit.norm."),
    (r"^query\.", "queries."),
    (r"^class_predictor\.", "class_head."),
    (r"^mask_head\.fc1\.", "mask_head.0."),
    (r"^mask_head\.fc2\.", "mask_head.2."),
    (r"^mask_head\.fc3\.", "mask_head.4."),
    (r"^upscale_block\.block\.(\d+)\.layernorm2d\.", r"upscale.\1.norm."),
    (r"^upscale_block\.block\.", "upscale."),
)
QUERY_PART = re.compile(r"^(.*\.attn)\.q\.(weight|bias)$")


def under_our_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under our names, from either form; unknown ones stay as they are."""
    if OFFICIAL in tensors or is_dinov3(tensors):
        return renamed(tensors, OFFICIAL_NAMES)
    if TRANSFORMERS in tensors:
        return _from_transformers(tensors)
    return dict(tensors)


def grid_of(tensors: Mapping[str, Tensor], fallback: tuple[int, int]) -> tuple[int, int]:
    """Return the square grid of a table of positions, by its length.

    Args:
        tensors: under our names.
        fallback: the answer where there is no table, or one that is for no square.
    """
    table = tensors.get(POSITIONS)
    if table is None or table.dim() != 3:
        return fallback
    side = math.isqrt(table.shape[1])
    return (side, side) if side * side == table.shape[1] else fallback


def is_dinov3(tensors: Mapping[str, Tensor]) -> bool:
    """Return whether these are weights of the variant on DINOv3, another network."""
    return DINOV3 in tensors


def _from_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Join queries, keys and values, and give the table of positions its batch axis."""
    ours = renamed(tensors, TRANSFORMERS_NAMES)
    ours[POSITIONS] = ours[POSITIONS][None]
    for name in list(ours):
        if found := QUERY_PART.match(name):
            attention, kind = found.groups()
            names = [f"{attention}.{part}.{kind}" for part in "qkv"]
            # Parts of different shapes stay: the comparison of names and shapes reports them.
            if len({ours[each].shape if each in ours else None for each in names}) == 1:
                ours[f"{attention}.qkv.{kind}"] = torch.cat([ours.pop(each) for each in names])
    return ours
