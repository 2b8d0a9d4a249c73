"""VidEoMT as its reference was recorded: made-up weights, recordings, and a tiny model.

The weights are a function of name and shape alone; the rules are those of `fill_weights.py` beside
the recordings, said again.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import state_of
from maskstream_model.classes import classes
from maskstream_model.loading import WeightFile
from maskstream_model.videomt.config import NetworkConfig, VideomtConfig, VideomtRules
from maskstream_model.videomt.loading import built
from maskstream_model.videomt.model import VideomtModel
from maskstream_model.videomt.network import VideomtNetwork
from maskstream_model.videomt.presets import preset

CPU = torch.device("cpu")
OFFICIAL_RULES = VideomtRules(
    emergence_score_min=0.0, tracked_score_min=0.0, max_missed_frames=None, min_size=None
)
"""The authors': every query is a track from the first frame to the last."""
# Made-up classes: 25 things, and as VIPSeg has them 58 things and then stuff.
THINGS_25 = classes(" ".join(f"thing_{index}" for index in range(25)))
THINGS_58 = classes(
    " ".join(f"thing_{index}" for index in range(58)),
    " ".join(f"stuff_{index}" for index in range(66)),
)
SMALL = NetworkConfig(width=64, depth=6, heads=2, query_blocks=2, num_queries=20, grid=(4, 6))

TOKEN_SCALES = {"cls_token": 1.0, "reg_token": 1.0, "pos_embed": 0.7, "q.weight": 1.0}
GAINS = {
    "class_head": 3.0,
    "mask_head.4": 0.7,
    "mask_head": 1.4,
    "query_updater": 0.7,
    "qkv": 0.9,
    "attn.proj": 1.0,
    "patch_embed": 1.0,
    "upscale": 1.4,
    "fc2": 1.2,
}
"""How far a matrix spreads, by the first part of its name that is here."""
NO_OBJECT = {26: 6.0, 41: 7.0, 125: 6.0}
"""What the bias of no-object has more than others, by the length of the biases."""


def made_up(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the values of a tensor under its official name."""
    seed = zlib.crc32(name.encode())
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape, dtype=np.float32)
    for ending, scale in TOKEN_SCALES.items():
        if name.endswith(ending):
            return np.float32(scale) * values
    if name.endswith("gamma"):
        return np.float32(0.5) + np.float32(0.1) * values
    if len(shape) == 1:
        return _vector(name, values)
    return _matrix(name, values)


def _vector(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.float32(0.1) * values
    if name.endswith("weight"):
        return np.float32(1) + values
    if name.endswith("class_head.bias"):
        values[-1] += np.float32(NO_OBJECT.get(len(values), 2.0))
    return values


def _matrix(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    shape = values.shape
    if "patch_embed" not in name and "upscale" not in name:
        axes = tuple(range(1, values.ndim))
        # Rows that sum to zero.
        values = values - values.mean(axes, keepdims=True, dtype=np.float64).astype(np.float32)
    # Transposed convolutions have their inputs in front.
    fan = shape[0] if name.endswith("conv1.weight") else int(np.prod(shape[1:]))
    gain = next((gain for part, gain in GAINS.items() if part in name), 1.0)
    values = values * np.float32(gain / np.sqrt(fan))
    if name.endswith("qkv.weight"):
        third = shape[0] // 3
        values[third : 2 * third] = values[:third]  # keys are queries
    return values


def official_name(name: str) -> str:
    """Return the authors' name of one of our tensors."""
    if name.startswith("vit."):
        return f"backbone.encoder.backbone.{name.removeprefix('vit.')}"
    return "backbone." + name.replace("queries.weight", "q.weight")


@cache
def made_up_weights(network: NetworkConfig, num_classes: int) -> dict[str, Tensor]:
    """Return the weights of the recordings under their official names."""
    return {
        official_name(name): torch.from_numpy(made_up(official_name(name), tuple(tensor.shape)))
        for name, tensor in targets(network, num_classes).items()
    }


def targets(network: NetworkConfig, num_classes: int) -> dict[str, Tensor]:
    """Return all tensors of a network by our names, without memory."""
    with torch.device("meta"):
        return state_of(VideomtNetwork(network, num_classes))


def network_with_weights(config: NetworkConfig, num_classes: int) -> VideomtNetwork:
    """Return a network with the recordings' weights, for any grid, also one that is no square."""
    network = VideomtNetwork(config, num_classes).eval()
    weights = made_up_weights(config, num_classes)
    network.load_state_dict({name: weights[official_name(name)] for name in state_of(network)})
    return network


def recorded_model(config: VideomtConfig, **rules: object) -> VideomtModel:
    """Return a model with the recordings' weights; frames keep their size."""
    config = replace(config, online=OFFICIAL_RULES).override(**rules)
    network = network_with_weights(config.network, config.num_classes)
    return VideomtModel(config, network, CPU, "recorded")


def small_config(**network: Any) -> VideomtConfig:
    """The small network of the recordings, with 25 classes."""
    return VideomtConfig("small", THINGS_25, replace(SMALL, **network))


def vits_config() -> VideomtConfig:
    """The real ViT-S with 40 classes."""
    return preset("videomt_vits_ytvis19")


def tiny_model(task: str = "instances", seed: int = 0, **rules: object) -> VideomtModel:
    """A model of four classes whose tracks emerge, are missed and disappear on tiny frames."""
    config = VideomtConfig(
        "tiny_videomt",
        classes("cat dog", "grass sky") if task != "instances" else classes("cat dog cow bird"),
        NetworkConfig(width=32, depth=3, heads=2, query_blocks=2, num_queries=8, grid=(4, 6)),
        online=VideomtRules(
            emergence_score_min=0.6,
            tracked_score_min=0.5,
            max_missed_frames=3,
            min_size=None,
            object_score_min=0.3,
            overlap_min=0.1,
        ),
        task=task,
    ).override(**rules)
    weights = made_up_weights(config.network, config.num_classes)
    return built(config, WeightFile("tiny", config.name, tiny_weights(weights, seed)), CPU)


def tiny_weights(weights: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Return weights under our names, moved by a seed; positions for a square would be resized."""
    generator = torch.Generator().manual_seed(seed)
    ours = {name.removeprefix("backbone."): tensor for name, tensor in weights.items()}
    renamed = {
        name.replace("encoder.backbone.", "vit.").replace("q.weight", "queries.weight"): tensor
        for name, tensor in ours.items()
    }
    return {
        name: tensor + 0.02 * torch.randn(tensor.shape, generator=generator)
        for name, tensor in renamed.items()
    }


@dataclass(frozen=True)
class Recordings:
    """The folder of the reference's recordings."""

    folder: Path

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return all arrays of a file."""
        with np.load(self.folder / f"{name}.npz") as stored:
            return dict(stored)

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """Return shapes by name of everything in a released file."""
        keys = json.loads((self.folder / f"keys_{name}.json").read_text())
        return {key: tuple(shape) for key, (shape, _) in keys.items()}


def packed_masks(arrays: Mapping[str, NDArray[Any]], prefix: str) -> NDArray[np.bool_]:
    """Return recorded masks `(M, T, height, width)`."""
    shape = tuple(arrays[f"{prefix}.masks_shape"])
    bits = np.unpackbits(arrays[f"{prefix}.masks_packed"], count=int(np.prod(shape)))
    return bits.reshape(shape).astype(bool)
