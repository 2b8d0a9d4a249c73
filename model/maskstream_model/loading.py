"""From a configuration and a weight file to a model that steps (SPEC.md section 5)."""

from dataclasses import replace
from os import PathLike
from pathlib import Path

import torch

from maskstream_model.checkpoint import fingerprint, load_into, load_weights, state_of
from maskstream_model.config import ModelConfig, OnlineConfig
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.errors import CheckpointError, ConfigError
from maskstream_model.mask2former.segmenter import Segmenter

SHIPPED = Path(__file__).parent / "weights"
RANDOM = "random"


def load(
    config: ModelConfig,
    online: OnlineConfig,
    weights: str | PathLike[str] | None,
    device: str | torch.device,
) -> OnlineDaq:
    """Build a model and load its weights; see `maskstream_model.load_model`.

    Args:
        config: what to build.
        online: rules to run it with, instead of those of `config`.
        weights: path, "random", or None for the shipped file `weights/<name>.safetensors`.
        device: where it runs.

    Raises:
        ConfigError: the device is not here.
        CheckpointError: no such weights, or they do not fit.
    """
    place = _device(device)
    config = replace(config, online=online)
    if weights == RANDOM:
        return random_model(config, place)
    tensors = load_weights(shipped(config.name) if weights is None else weights)
    segmenter, tracker = _build(config, seed=0)
    load_into({"": segmenter, "tracker.": tracker}, tensors)
    return OnlineDaq(config, segmenter, tracker, place, fingerprint(tensors, config))


def random_model(config: ModelConfig, device: torch.device, seed: int = 0) -> OnlineDaq:
    """Return a model with the random weights of `seed`, the same on every call."""
    segmenter, tracker = _build(config, seed)
    tensors = state_of({"": segmenter, "tracker.": tracker})
    return OnlineDaq(config, segmenter, tracker, device, fingerprint(tensors, config))


def _build(config: ModelConfig, seed: int) -> tuple[Segmenter, QueryTracker]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        segmenter = Segmenter(config.segmenter, config.num_classes)
        tracker = QueryTracker(config.segmenter, config.tracker, config.num_classes)
    return segmenter, tracker


def _device(device: str | torch.device) -> torch.device:
    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError) as error:
        # CUDA's own messages go on for several lines.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"device {str(device)!r} cannot be used here: {reason}") from error
    return place


def shipped(name: str) -> Path:
    """Return the weight file that the package brings for a preset.

    Raises:
        CheckpointError: it brings none.
    """
    path = SHIPPED / f"{name}.safetensors"
    if not path.is_file():
        raise CheckpointError(f"no weights are shipped for {name}; give the path of a weight file")
    return path
