"""Outputs of mmdetection's Mask2Former as they were recorded, and the made-up weights of them."""

import json
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.association.presets import preset
from maskstream_model.association.weight_format import adapted
from maskstream_model.checkpoint import load_into
from maskstream_model.mask2former.segmenter import Segmenter

Arrays = Mapping[str, NDArray[np.generic]]
INTEGERS = ("num_batches_tracked", "relative_position_index")
SCALES = {
    "query_feat.weight": 2.0,
    "query_embed.weight": 1.0,
    "level_embed.weight": 1.0,
    "level_encoding.weight": 1.0,
    "relative_position_bias_table": 0.5,
}
GAINS = {
    "cls_embed": 2.0,
    "mask_embed.4": 2.0,
    "in_proj_weight": 0.7,
    "out_proj": 0.25,
    "ffn.layers.1": 0.25,
    "sampling_offsets": 0.5,
    "backbone.conv1": 2.0,
}
KEYS = {
    "mask2former_r50_coco": "r50_8xb2-lsj-50e_coco",
    "mask2former_r50_coco_panoptic": "r50_8xb2-lsj-50e_coco-panoptic",
    "mask2former_swint_coco": "swin-t-p4-w7-224_8xb2-lsj-50e_coco",
    "mask2former_swint_coco_panoptic": "swin-t-p4-w7-224_8xb2-lsj-50e_coco-panoptic",
    "mask2former_swins_coco": "swin-s-p4-w7-224_8xb2-lsj-50e_coco",
}
"""The recorded lists of names by our presets."""
PANOPTIC_FILL = {"class_gain": 5.0, "no_object": 4.0}
"""What the panoptic recordings were made with."""


class Mmdetection:
    """The folder `reference/mask2former_mmdet` of the test data."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.segmenter = cache(self._segmenter)
        self.weights = cache(self._weights)
        self.recorded = cache(self._recorded)

    def shapes(self, name: str) -> dict[str, tuple[int, ...]]:
        """Shape by name of everything in a published file."""
        path = self.folder / f"keys_mask2former_{KEYS[name]}.json"
        return {key: tuple(shape) for key, (shape, _) in json.loads(path.read_text()).items()}

    def _weights(self, name: str) -> dict[str, Tensor]:
        """Made-up tensors under the names of a published file; integers as they are built."""
        options = PANOPTIC_FILL if name.endswith("_panoptic") else {}
        indices = relative_positions(7)
        return {
            key: (indices if key.endswith("index") else torch.tensor(0))
            if key.endswith(INTEGERS)
            else torch.from_numpy(np.ascontiguousarray(fill(key, shape, **options)))
            for key, shape in self.shapes(name).items()
        }

    def _segmenter(self, name: str) -> Segmenter:
        config = preset(name)
        segmenter = Segmenter(config.segmenter, config.num_classes, reid_head=False).eval()
        load_into(segmenter, adapted(name, self.weights(name)))
        return segmenter

    def _recorded(self, case: str) -> Arrays:
        with np.load(self.folder / f"{case}.npz") as stored:
            return dict(stored)


def relative_positions(window: int) -> Tensor:
    """The index of mmdetection's window attention, made in its own way."""
    size = 2 * window - 1
    steps = [row * size + column for row in range(window) for column in range(window)]
    forward = torch.tensor(steps)
    return (forward[:, None] + forward.flip(0)[None]).contiguous()


def fill(
    name: str, shape: tuple[int, ...], class_gain: float = 2.0, no_object: float = 8.0
) -> NDArray[np.float32]:
    """Return the made-up values of a tensor: a function of its name and its shape.

    Args:
        name: of mmdetection.
        shape: of the tensor.
        class_gain: of the class head.
        no_object: added to the last bias of the class head.
    """
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    noise = draw.standard_normal(shape, dtype=np.float32)
    if name.endswith("running_mean"):
        return np.float32(0.1) * noise
    if name.endswith("running_var"):
        return np.float32(1) + np.float32(0.1) * np.abs(noise)
    for ending, scale in SCALES.items():
        if name.endswith(ending):
            return np.float32(scale) * noise
    if name.endswith("sampling_offsets.bias"):
        return np.float32(2) * noise
    if len(shape) == 1:
        values = np.float32(0.1) * noise
        if name.endswith("weight"):
            values = np.float32(1) + values
        if name.endswith("cls_embed.bias"):
            values[-1] += np.float32(no_object)
        return values
    return _matrix(name, noise, class_gain)


def _matrix(name: str, noise: NDArray[np.float32], class_gain: float) -> NDArray[np.float32]:
    axes = tuple(range(1, noise.ndim))
    noise = noise - noise.mean(axis=axes, keepdims=True, dtype=np.float64).astype(np.float32)
    gain = next((gain for key, gain in GAINS.items() if key in name), 1.0)
    if "cls_embed" in name:
        gain = class_gain
    noise = noise * np.float32(gain / np.sqrt(np.prod(noise.shape[1:])))
    if name.endswith("in_proj_weight"):  # The block of keys is that of the queries.
        third = len(noise) // 3
        noise[third : 2 * third] = noise[:third]
    return noise
