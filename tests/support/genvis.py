"""GenVIS as its reference was recorded: made-up weights, and a tiny model.

The weights are a function of name and shape alone; the rules are those of the README beside the
recordings, said again.
"""

import zlib
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import state_of
from maskstream_model.classes import classes
from maskstream_model.genvis.config import ClipConfig, GenvisConfig, GenvisRules
from maskstream_model.genvis.loading import built
from maskstream_model.genvis.model import GenvisModel
from maskstream_model.genvis.networks import build_networks
from maskstream_model.genvis.presets import preset
from maskstream_model.loading import WeightFile
from support.tiny import tiny_config

LARGE = ("query_feat.weight", "query_embed.weight", "fq_pos.weight", "level_embed")
"""Tensors that are 16 times as large, by a part of their name."""
OFFICIAL: dict[str, Any] = {
    "emergence_score_min": 0.0,
    "tracked_score_min": 0.0,
    "max_missed_frames": None,
    "memory_steps": None,
    "min_size": None,
}
"""The authors' rules: every query is a track from the first frame to the last."""
SHARP = 3.0
"""Makes the tiny model's classes more certain than made-up weights do."""


def made_up(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the values of a tensor."""
    seed = zlib.crc32(name.encode())
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
    if name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(values)
    elif len(shape) >= 2:
        values = values / np.sqrt(np.prod(shape[1:]))
    elif name.endswith(".weight"):
        values = 1 + 0.1 * values
    else:
        values = 0.1 * values
    factor = 16 if any(part in name for part in LARGE) else 1
    return (factor * values).astype(np.float32)


def made_up_weights(config: GenvisConfig) -> dict[str, Tensor]:
    """Return the weights of the recordings, for any network."""
    with torch.device("meta"):
        targets = state_of(build_networks(config.segmenter, config.clips, config.num_classes).parts)
    return {
        name: torch.from_numpy(made_up(name, tuple(tensor.shape)))
        for name, tensor in targets.items()
    }


@cache
def recorded_model(name: str = "genvis_r50_ovis_online") -> GenvisModel:
    """Return a model with the recordings' weights and the authors' rules."""
    config = preset(name).override(**OFFICIAL)
    return built(config, WeightFile("made up", name, made_up_weights(config)), torch.device("cpu"))


def tiny_genvis(seed: int = 0, **rules: object) -> GenvisModel:
    """A model of four classes whose tracks emerge, are missed and disappear on tiny frames.

    Args:
        seed: of the weights.
        rules: fields of `GenvisRules` to replace.
    """
    chosen = GenvisRules(
        emergence_score_min=0.7,
        tracked_score_min=0.6,
        max_missed_frames=3,
        memory_steps=5,
        min_size=None,
    ).override(**rules)
    config = GenvisConfig(
        "tiny_genvis",
        classes("cat dog cow bird"),
        tiny_config().segmenter,
        ClipConfig(
            num_queries=8,
            num_frame_queries=8,
            hidden_dim=32,
            num_heads=4,
            ffn_dim=32,
            encoder_layers=1,
            decoder_layers=2,
        ),
        online=chosen,
    )
    generator = torch.Generator().manual_seed(seed)
    weights = {
        name: tensor + 0.02 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in made_up_weights(config).items()
    }
    weights["vita_module.class_embed.weight"] *= SHARP
    return built(config, WeightFile("tiny", config.name, weights), torch.device("cpu"))
