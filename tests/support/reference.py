"""Recorded outputs of the reference implementation, and the made-up weights they came from."""

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.checkpoint import load_into, state_of
from maskstream_model.daq.presets import preset
from maskstream_model.mask2former.segmenter import Segmenter

BACKBONES = {"r50": "R50", "swinl": "SwinL", "vitl": "VitAdapterL"}
"""The reference's name of a backbone by ours."""


class Reference:
    """The folder `reference` of the test data; whatever is built is built once.

    Variants are named as our presets, such as `daq_r50_ovis`.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.weights = cache(self._weights)
        self.segmenter = cache(self._segmenter)
        self.golden = cache(self._golden)

    def shapes(self, variant: str) -> dict[str, tuple[int, ...]]:
        """Shape by name of everything in a released file that inference reads."""
        keys = json.loads((self.folder / "keys" / self.keys_name(variant)).read_text())
        return {
            key: tuple(shape)
            for key, (shape, _) in keys.items()
            if not key.startswith("daq_criterion.")
        }

    def keys_name(self, variant: str) -> str:
        """File in `keys/` with the names and shapes of a variant."""
        _, backbone, data, *offline = variant.split("_")
        mode = "Offline" if offline else "Online"
        return f"DAQ_{mode}_{BACKBONES[backbone]}_{data}.json"

    def large_segmenter(self, variant: str) -> Segmenter:
        """A new segmenter, filled tensor by tensor and kept by the caller alone."""
        config = preset(variant)
        segmenter = Segmenter(config.segmenter, config.num_classes).eval()
        fill = self._goldweights().fill
        for name, tensor in state_of(segmenter).items():
            values = fill(name, tuple(tensor.shape))
            if values is not None:
                tensor.copy_(torch.from_numpy(values))
        return segmenter

    def clip(self, name: str) -> NDArray[np.uint8]:
        """Frames `(T, height, width, 3)` of an input clip, such as `clip_96x160`."""
        with np.load(self.folder / "goldens" / f"{name}.npz") as stored:
            (only,) = stored.values()
            return only

    def _weights(self, variant: str) -> dict[str, Tensor]:
        fill = self._goldweights().fill
        return {
            name: torch.from_numpy(np.ascontiguousarray(fill(name, shape)))
            for name, shape in self.shapes(variant).items()
        }

    def _segmenter(self, variant: str) -> Segmenter:
        config = preset(variant)
        segmenter = Segmenter(config.segmenter, config.num_classes).eval()
        weights = self.weights(variant)
        others = ("tracker.", "refiner.")
        load_into(segmenter, {k: v for k, v in weights.items() if not k.startswith(others)})
        return segmenter

    def _golden(self, case: str, name: str) -> dict[str, NDArray[np.generic]]:
        with np.load(self.folder / "goldens" / case / f"{name}.npz") as stored:
            return dict(stored)

    def _goldweights(self) -> ModuleType:
        path = self.folder / "tools" / "goldweights.py"
        spec = importlib.util.spec_from_file_location("goldweights", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
