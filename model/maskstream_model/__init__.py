"""DVIS-DAQ: networks, trackers and their rules. `load_model` is the entry, for live video.

`load_offline_model` gives the models that refine whole videos. Names of presets can be had without
torch; both import it when they are called.
"""

from os import PathLike
from typing import TYPE_CHECKING

from maskstream_model.presets import preset, preset_names

if TYPE_CHECKING:
    import torch

    from maskstream_model.daq.offline import OfflineDaq
    from maskstream_model.daq.online import OnlineDaq

__all__ = ["load_model", "load_offline_model", "preset", "preset_names"]


def load_model(
    name: str,
    weights: str | PathLike[str] | None = None,
    device: "str | torch.device" = "cpu",
    task: str | None = None,
    **overrides: object,
) -> "OnlineDaq":
    """Build a preset, load its weights and return the model, ready to step.

    Args:
        name: one of `preset_names()`, of an online model.
        weights: path of a released `.pth` or of a `.safetensors` file; None takes the weights that
            are shipped with the preset; "random" takes seeded random ones, for tests.
        device: where it runs, as "cpu" or "cuda:0".
        task: what a VIPSeg preset is used for: "panoptic", its own, "semantic" or "instances".
        overrides: fields of `OnlineConfig` to replace.

    Raises:
        ConfigError: an unknown preset or override, a value out of range, a task that the preset
            cannot do, a device that is not here, or an offline model.
        CheckpointError: no weights are shipped with the preset, or the file does not fit.
    """
    from maskstream_model.loading import load

    config = preset(name) if task is None else preset(name).for_task(task)
    return load(config.override(**overrides), weights, device)


def load_offline_model(
    name: str,
    weights: str | PathLike[str] | None = None,
    device: "str | torch.device" = "cpu",
    **overrides: object,
) -> "OfflineDaq":
    """Build an offline preset, load its weights and return the model, ready to `run` on videos.

    Args:
        name: one of `preset_names()`, of an offline model.
        weights: as `load_model` takes them.
        device: where it runs.
        overrides: fields of `OnlineConfig` and `OfflineConfig` to replace, as `window=None`.

    Raises:
        ConfigError: as of `load_model`, or the preset is of an online model.
        CheckpointError: as of `load_model`.
    """
    from maskstream_model.loading import load_offline

    return load_offline(preset(name).override(**overrides), weights, device)
