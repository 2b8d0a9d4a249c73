"""SgMg as its reference was recorded: made-up weights, recordings, and a tiny model."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import fingerprint, state_of
from maskstream_model.port import Prompt, SessionOptions
from maskstream_model.sgmg.config import NetworkConfig, SgmgConfig, TextConfig, VideoConfig
from maskstream_model.sgmg.model import SgmgModel
from maskstream_model.sgmg.network import SgmgNetwork
from maskstream_model.sgmg.tokens import Tokenizer

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


TINY = NetworkConfig(
    video=VideoConfig(embed=16, depths=(1, 1, 2, 1), heads=(1, 2, 2, 2), window=(4, 7, 7)),
    text=TextConfig(vocabulary=300, width=16, depth=1, heads=2, hidden=32, positions=200),
    width=32,
    heads=2,
    hidden=32,
    layers=2,
    queries=3,
)
PROMPTS = SessionOptions(prompts=(Prompt("a red car", 0), Prompt("the dog on the left", 1)))


def tiny_config(**rules: object) -> SgmgConfig:
    """A tiny model with chunks of four frames, which sees 144 pixels."""
    config = SgmgConfig("tiny_sgmg", (), TINY, task="referring")
    return config.override(**{"min_size": 144, "chunk_frames": 4, **rules})


def tiny_tokens(text: str) -> list[int]:
    """A tokenizer of bytes."""
    return [0, *(3 + byte for byte in text.encode()), 2]


def tiny_model(tokenizer: Tokenizer = tiny_tokens, **rules: object) -> SgmgModel:
    """A model whose texts find something on some of the tiny frames."""
    config = tiny_config(**rules)
    network = network_with_weights(config.network)
    digest = fingerprint(state_of(network), config)
    return SgmgModel(config, network, tokenizer, torch.device("cpu"), digest)


def write_tokenizer(folder: Path, names: Sequence[str]) -> Any:
    """Train a byte-level BPE of 290 tokens and write it in one of the two forms; returns it."""
    pytest.importorskip("tokenizers", reason="the extra sgmg is not installed")
    from tokenizers import Tokenizer as Library
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import ByteLevel
    from tokenizers.trainers import BpeTrainer

    library = Library(BPE())
    library.pre_tokenizer = ByteLevel(add_prefix_space=False)
    trainer = BpeTrainer(
        vocab_size=290,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(["the dog on the left", "a red car on the road"] * 4, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    if len(names) == 1:
        library.save(str(folder / names[0]))
    else:
        library.model.save(str(folder))
    return library
