"""How each family of data sets is trained, stage by stage; one module per family."""

from maskstream_model.config import ModelConfig
from maskstream_model.errors import ConfigError
from maskstream_train.training.presets import ovis, synthetic, vipseg, ytvis
from maskstream_train.training.presets.preset import StageName, StagePreset

__all__ = ["StageName", "StagePreset", "training_preset"]


def training_preset(config: ModelConfig, stage: StageName) -> StagePreset:
    """Return how a stage of a model is trained: for `demo` on synthetic clips, else as published.

    The family is part of a model's name, as in `daq_r50_ovis`.

    Raises:
        ConfigError: nothing is known of the model's family, or the model has no such stage.
    """
    if (stage == "refiner") != (config.offline is not None):
        raise ConfigError(
            f"{config.name} has no stage {stage}: offline models learn their refiner, on an "
            "online model that was trained before"
        )
    families = {
        "demo": synthetic.preset,
        "ovis": ovis.preset,
        "ytvis19": ytvis.preset,
        "ytvis21": ytvis.preset,
        "vipseg": vipseg.preset,
    }
    for part in config.name.split("_"):
        if part in families:
            return families[part](config, stage)
    raise ConfigError(f"there is no training preset for {config.name}")
