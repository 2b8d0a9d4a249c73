"""Class heads of another model, fitted to new classes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from maskstream_model.checkpoint import PRESET, header_of, load_weights
from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset, preset_names
from maskstream_train.data.classes import plain_name

HEAD = "class_embed."
"""Part of the names of layers whose rows are classes, no object last."""
SPREAD = 0.1
"""Spread of new rows around the mean of the old ones, in standard deviations of those."""


def fitted(path: Path, config: ModelConfig) -> dict[str, Tensor]:
    """Return the weights of a file, with the class heads of `config` where the file has others.

    Raises:
        CheckpointError: it cannot be read.
    """
    weights, said = load_weights(path), header_of(path).get(PRESET)
    rows = [len(value) for name, value in weights.items() if name.endswith(f"{HEAD}bias")]
    if said not in preset_names() or set(rows) <= {len(config.classes) + 1}:
        return weights
    return with_classes(
        weights,
        [item.name for item in preset(said).classes],
        [item.name for item in config.classes],
    )


def with_classes(
    weights: Mapping[str, Tensor], old: Sequence[str], new: Sequence[str]
) -> dict[str, Tensor]:
    """Return weights with class heads for the `new` classes.

    A class of the same name keeps its row, as does no object. Others start near the mean of all old
    rows, so that known objects are still detected.
    """
    places = {plain_name(name): place for place, name in enumerate(old)}
    rows = [places.get(plain_name(name)) for name in new]
    generator = torch.Generator().manual_seed(0)
    return {
        name: _with_rows(value, rows, generator) if f".{HEAD}" in f".{name}" else value
        for name, value in weights.items()
    }


def _with_rows(head: Tensor, rows: Sequence[int | None], generator: torch.Generator) -> Tensor:
    """Choose rows of a head `(K + 1, ...)`, weights or biases; None is a new one."""
    known, no_object = head[:-1], head[-1:]
    mean, spread = known.mean(0), known.std(0, correction=0)
    drawn = torch.randn(len(rows), *head.shape[1:], generator=generator)
    fresh = mean + SPREAD * spread * drawn
    chosen = [fresh[place] if row is None else known[row] for place, row in enumerate(rows)]
    return torch.cat([torch.stack(chosen), no_object])
