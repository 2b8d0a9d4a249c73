"""MDQE as its reference was recorded: made-up weights by the official names, and a tiny model."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import state_of
from maskstream_model.classes import classes
from maskstream_model.config.networks import ResNetConfig
from maskstream_model.mdqe.config import MdqeConfig, MdqeRules, NetworkConfig
from maskstream_model.mdqe.model import MdqeModel
from maskstream_model.mdqe.network import MdqeNetwork

CONSTANTS = ("sampling_offsets", "relative_coords_table", "relative_position_index")
QUIET = ("output_proj.weight", "out_proj.weight", "linear2.weight", "linear2_inst.weight")
LOUD = ("mask_embed.layers.2.weight", "cls_embed.layers.2.weight")


def official_name(name: str) -> str:
    """Return the authors' name of one of our tensors."""
    if name.startswith("backbone."):
        return f"detr.backbone.0.{name}"
    return f"detr.{name}"


def made_up(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return the values of a tensor under its official name, as the recordings' README says."""
    seed = zlib.crc32(name.encode())
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
    last = name.rpartition(".")[2]
    if last == "running_var":
        scaled = 1 + 0.1 * np.abs(values)
    elif len(shape) >= 2:
        scaled = values / np.sqrt(np.prod(shape[1:])) * _gain(name)
    elif last == "weight":
        scaled = 1 + 0.1 * values
    else:
        scaled = 0.1 * values
    return scaled.astype(np.float32)


def _gain(name: str) -> float:
    if ".backbone." not in name and name.endswith(QUIET):
        return 0.3
    return 3.0 if name.endswith(tuple(f"transformer_dec.{loud}" for loud in LOUD)) else 1.0


def fill(network: MdqeNetwork, biases: Mapping[str, NDArray[Any]] | None = None) -> MdqeNetwork:
    """Give a network made-up weights, and the biases that a recording brings by official name."""
    with torch.no_grad():
        for name, tensor in state_of(network).items():
            official = official_name(name)
            if biases is not None and official in biases:
                tensor.copy_(torch.from_numpy(biases[official]))
            elif name.rpartition(".")[2] not in CONSTANTS or official.endswith("weight"):
                tensor.copy_(torch.from_numpy(made_up(official, tuple(tensor.shape))))
    return network.eval()


@cache
def recorded_network(recordings: "Recordings") -> MdqeNetwork:
    """Return the network of the recording of eight frames."""
    arrays = recordings.arrays("r50_ovis_8f_w30")
    biases = {
        name.removeprefix("override."): values
        for name, values in arrays.items()
        if name.startswith("override.")
    }
    return fill(MdqeNetwork(NetworkConfig(), 25), biases)


@dataclass(frozen=True)
class Recordings:
    """The folder of the reference's recordings."""

    folder: Path

    def arrays(self, name: str) -> dict[str, NDArray[Any]]:
        """Return all arrays of a file."""
        with np.load(self.folder / f"{name}.npz") as stored:
            return dict(stored)

    def shapes(self, name: str) -> dict[str, Tensor]:
        """Return tensors without memory by name: everything in a released file."""
        keys = json.loads((self.folder / f"keys_{name}.json").read_text())
        return {key: torch.empty(shape, device="meta") for key, (shape, _) in keys.items()}


CPU = torch.device("cpu")
TINY = NetworkConfig(
    ResNetConfig("basic", 8, (8, 16, 16, 16), (1, 1, 1, 1)),
    width=32,
    heads=2,
    layers=1,
    grid=4,
    frames=3,
    track_width=8,
)
TINY_RULES = MdqeRules(
    clip_frames=3,
    window_frames=4,
    tracks_max=12,
    max_missed_clips=3,
    report_score_min=0.0,
    min_size=None,
)


def tiny_model(seed: int = 0, **rules: object) -> MdqeModel:
    """A model of four classes whose tracks emerge, are missed and disappear on tiny frames."""
    config = MdqeConfig("tiny_mdqe", classes("cat dog cow bird"), TINY, online=TINY_RULES)
    config = config.override(**rules)
    network = fill(MdqeNetwork(TINY, 4))
    return MdqeModel(config, network, CPU, f"71a1{seed:04x}")
