"""Weights of Mask2Former as mmdetection publishes them, under our names (docs/model.md 11)."""

import re
from collections.abc import Mapping

from torch import Tensor

from maskstream_model.checkpoint import Renames, renamed

MARK = "panoptic_head.cls_embed.weight"
"""A name that files of mmdetection's Mask2Former have, and ours have not."""
MERGING = re.compile(r"backbone\.layers\.\d\.downsample\.")
"""Prefix of our names of Swin's patch merging."""

RENAMES: Renames = (
    # Counters that only training reads.
    (r"num_batches_tracked$", None),
    (r"^panoptic_head\.pixel_decoder\.", "sem_seg_head.pixel_decoder."),
    (r"^panoptic_head\.(transformer_decoder\.)?", "sem_seg_head.predictor."),
    # ResNet: layer1 is the stage res2.
    (r"^backbone\.(conv1\.|bn1\.)", r"backbone.stem.\1"),
    (r"^backbone\.layer1\.", "backbone.res2."),
    (r"^backbone\.layer2\.", "backbone.res3."),
    (r"^backbone\.layer3\.", "backbone.res4."),
    (r"^backbone\.layer4\.", "backbone.res5."),
    (r"\.bn(\d)\.", r".conv\1.norm."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut.norm."),
    # Swin.
    (r"^backbone\.patch_embed\.projection\.", "backbone.patch_embed.proj."),
    (r"^backbone\.stages\.", "backbone.layers."),
    (r"\.attn\.w_msa\.", ".attn."),
    (r"(\.blocks\.\d+)\.ffn\.layers\.0\.0\.", r"\1.mlp.fc1."),
    (r"(\.blocks\.\d+)\.ffn\.layers\.1\.", r"\1.mlp.fc2."),
    # Pixel decoder.
    (r"\.input_convs\.(\d)\.conv\.", r".input_proj.\1.0."),
    (r"\.input_convs\.(\d)\.gn\.", r".input_proj.\1.1."),
    (r"\.level_encoding\.weight$", ".transformer.level_embed"),
    (r"\.pixel_decoder\.encoder\.", ".pixel_decoder.transformer.encoder."),
    (r"(\.encoder\.layers\.\d)\.norms\.0\.", r"\1.norm1."),
    (r"(\.encoder\.layers\.\d)\.norms\.1\.", r"\1.norm2."),
    (r"(\.encoder\.layers\.\d)\.ffn\.layers\.0\.0\.", r"\1.linear1."),
    (r"(\.encoder\.layers\.\d)\.ffn\.layers\.1\.", r"\1.linear2."),
    (r"\.lateral_convs\.0\.conv\.", ".adapter_1."),
    (r"\.lateral_convs\.0\.gn\.", ".adapter_1.norm."),
    (r"\.output_convs\.0\.conv\.", ".layer_1."),
    (r"\.output_convs\.0\.gn\.", ".layer_1.norm."),
    (r"\.mask_feature\.", ".mask_features."),
    # Mask decoder.
    (
        r"\.layers\.(\d)\.cross_attn\.attn\.",
        r".transformer_cross_attention_layers.\1.multihead_attn.",
    ),
    (r"\.layers\.(\d)\.self_attn\.attn\.", r".transformer_self_attention_layers.\1.self_attn."),
    (r"\.layers\.(\d)\.norms\.0\.", r".transformer_cross_attention_layers.\1.norm."),
    (r"\.layers\.(\d)\.norms\.1\.", r".transformer_self_attention_layers.\1.norm."),
    (r"\.layers\.(\d)\.norms\.2\.", r".transformer_ffn_layers.\1.norm."),
    (r"\.layers\.(\d)\.ffn\.layers\.0\.0\.", r".transformer_ffn_layers.\1.linear1."),
    (r"\.layers\.(\d)\.ffn\.layers\.1\.", r".transformer_ffn_layers.\1.linear2."),
    (r"\.post_norm\.", ".decoder_norm."),
    (r"\.cls_embed\.", ".class_embed."),
    (r"\.mask_embed\.0\.", ".mask_embed.layers.0."),
    (r"\.mask_embed\.2\.", ".mask_embed.layers.1."),
    (r"\.mask_embed\.4\.", ".mask_embed.layers.2."),
)


def from_mmdetection(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the weights under our names; those of other models as they are.

    Whether they fit a preset is not checked here.
    """
    if MARK not in weights:
        return weights
    return {
        name: _merged(tensor) if MERGING.match(name) else tensor
        for name, tensor in renamed(weights, RENAMES).items()
    }


def _merged(tensor: Tensor) -> Tensor:
    """Return a tensor of the patch merging whose last axis is in our order.

    Its `4 C` entries are (channel, row, column) there, and (column, row, channel) here. A tensor
    without such an axis is returned unchanged, and will fit no preset.
    """
    if tensor.dim() == 0 or tensor.shape[-1] % 4:
        return tensor
    entries = tensor.reshape(*tensor.shape[:-1], -1, 2, 2)  # (..., C, row, column)
    return entries.transpose(-3, -1).flatten(-3)
