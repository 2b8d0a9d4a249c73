"""DVIS-DAQ, online: networks, trackers and their rules. `load_model` is the entry.

Names of presets can be had without torch; `load_model` imports it when it is called.
"""

from os import PathLike
from typing import TYPE_CHECKING

from maskstream_model.presets import preset, preset_names

if TYPE_CHECKING:
    import torch

    from maskstream_model.daq.online import OnlineDaq

__all__ = ["load_model", "preset", "preset_names"]


def load_model(
    name: str,
    weights: str | PathLike[str] | None = None,
    device: "str | torch.device" = "cpu",
    task: str | None = None,
    **overrides: object,
) -> "OnlineDaq":
    """Build a preset, load its weights and return the model, ready to step.

    Args:
        name: one of `preset_names()`.
        weights: path of a released `.pth` or of a `.safetensors` file; None takes the weights that
            are shipped with the preset; "random" takes seeded random ones, for tests.
        device: where it runs, as "cpu" or "cuda:0".
        task: what a VIPSeg preset is used for: "panoptic", its own, "semantic" or "instances".
        overrides: fields of `OnlineConfig` to replace.

    Raises:
        ConfigError: an unknown preset or override, a value out of range, a task that the preset
            cannot do, a device that is not here.
        CheckpointError: no weights are shipped with the preset, or the file does not fit.
    """
    from maskstream_model.loading import load

    config = preset(name)
    config = config if task is None else config.for_task(task)
    return load(config, config.online.override(**overrides), weights, device)
