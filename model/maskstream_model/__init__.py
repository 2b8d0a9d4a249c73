"""Models that segment and track, behind one port. `load_model` is the entry.

Names of presets can be had without torch; a family is imported when one of its presets is loaded.
"""

from os import PathLike
from typing import TYPE_CHECKING, Any

from maskstream_model.families import load, preset_names
from maskstream_model.weightfiles.cache import weights_for

if TYPE_CHECKING:
    import torch

    from maskstream_model.port import Model

__all__ = ["load_model", "preset_names"]


def load_model(
    name: str,
    weights: str | PathLike[str] | None = None,
    device: "str | torch.device" = "cpu",
    **overrides: object,
) -> "Model[Any]":
    """Load a preset of any installed family and return the model, ready to step.

    Args:
        name: one of `preset_names()`.
        weights: path of a weight file that fits; None takes the weights that come with the preset
            or were pulled by `maskstream weights pull`; "auto" pulls them where they are not here
            yet. Presets of DVIS-DAQ also take "random", for tests.
        device: where it runs, as "cpu" or "cuda:0".
        overrides: rules of the preset to replace. Those of DVIS-DAQ are the fields of
            `OnlineConfig` and `OfflineConfig`, and `task`: what a VIPSeg preset is used for,
            "panoptic", its own, "semantic" or "instances".

    Raises:
        ConfigError: an unknown preset or override, a value out of range, or a device that is not
            here.
        CheckpointError: there are no weights of the preset here, or the file does not fit.
        DownloadError: the weights cannot be pulled.
    """
    model: Model[Any] = load(name, weights_for(name, weights), str(device), **overrides)
    return model
