"""SgMg as its reference was recorded: made-up weights, recordings, and a tiny model."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import state_of
from maskstream_model.sgmg.config import NetworkConfig
from maskstream_model.sgmg.network import SgmgNetwork

SCALED = ("query_embed.weight", "transformer.level_embed")
TIED = ("bbox_embed.", "transformer.decoder.bbox_embed.")
"""Names of the heads of boxes: as we have them, and as their values were made."""


def made_up(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return the values of a tensor by its name, as of the rule beside the recordings."""
    seed = zlib.crc32(name.encode())
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)
    if len(shape) > 1:
        values = values / np.sqrt(np.prod(shape[1:]))
    else:
        values = 0.1 * values + (1.0 if name.endswith(".weight") else 0.0)
    return torch.from_numpy((values * (16 if name in SCALED else 1)).astype(np.float32))


def network_with_weights(config: NetworkConfig) -> SgmgNetwork:
    """Return a network with the recordings' weights; tables of offsets stay as they are built."""
    network = SgmgNetwork(config).eval()
    for name, tensor in state_of(network).items():
        if tensor.is_floating_point():
            source = name.replace(*TIED) if name.startswith(TIED[0]) else name
            tensor.copy_(made_up(source, tuple(tensor.shape)))
    return network


@dataclass(frozen=True)
class Recordings:
    """The folder of the reference's recordings."""

    folder: Path

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the recorded clip."""
        with np.load(self.folder / "videoswin_t_5f.npz") as stored:
            return dict(stored)

    def shapes(self, backbone: str) -> Mapping[str, tuple[int, ...]]:
        """Return shapes by name of everything in a released file: of "t" or "b"."""
        keys = json.loads((self.folder / f"keys_videoswin_{backbone}.json").read_text())
        return {key: tuple(shape) for key, (shape, _) in keys.items()}
