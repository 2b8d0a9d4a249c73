"""Weight files of GenVIS: published files have the names that our networks have."""

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from maskstream_model import checkpoint
from maskstream_model.checkpoint import Renames, renamed, state_of
from maskstream_model.config import SegmenterConfig
from maskstream_model.families import WeightFormat
from maskstream_model.genvis.config import ClipConfig
from maskstream_model.genvis.networks import build_networks
from maskstream_model.genvis.presets import preset, preset_names
from maskstream_model.loading import class_count_hint

CLIPS = "vita_module."
HEAD = f"{CLIPS}class_embed.weight"
UNUSED: Renames = ((r"^(\w+_)?criterion\.", None),)
"""Weights of the losses, which inference does not read."""


def adapted(name: str, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return the tensors of a published file that a preset loads."""
    return renamed(tensors, UNUSED) if HEAD in tensors else tensors


def targets(name: str) -> Mapping[str, Tensor]:
    """Return every tensor of a preset by name, with a shape and a type but without memory."""
    config = preset(name)
    return _targets(config.segmenter, config.clips, config.num_classes)


@cache
def _targets(segmenter: SegmenterConfig, clips: ClipConfig, num_classes: int) -> dict[str, Tensor]:
    with torch.device("meta"):
        return state_of(build_networks(segmenter, clips, num_classes).parts)


def fingerprint(name: str, weights: Mapping[str, Tensor]) -> str:
    """Return the fingerprint of a preset's model with these weights."""
    return checkpoint.fingerprint(weights, preset(name))


def hint(weights: Mapping[str, Tensor]) -> str | None:
    """Describe a checkpoint that fits no preset, as far as its tensors show."""
    if not any(name.startswith(CLIPS) for name in weights):
        return None
    return class_count_hint(weights, HEAD, [preset(name).num_classes for name in preset_names()])


FORMAT = WeightFormat(
    targets, fingerprint, adapted, hint, prefixes=("backbone.", "sem_seg_head.", CLIPS)
)
