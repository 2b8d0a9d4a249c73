"""Initial weights of a model of own classes: another model's, with a new class head."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from maskstream_model.checkpoint import PRESET, header_of, load_weights
from maskstream_model.config import ModelConfig
from maskstream_model.daq.presets import preset, preset_names
from maskstream_model.errors import ConfigError
from maskstream_model.families import preset_names as all_presets
from maskstream_model.loading import shipped
from maskstream_model.model_folders import model_folder
from maskstream_model.weightfiles.cache import weights_for
from maskstream_train.training.class_heads import with_classes

AUTO = "auto"


@dataclass(frozen=True)
class Start:
    """Initial weights of a run.

    Attributes:
        base: preset whose networks these are.
        config: of the model that the weights are for.
        weights: file.
    """

    base: str
    config: ModelConfig
    weights: Path

    def tensors(self, names: Sequence[str]) -> dict[str, Tensor]:
        """Return the weights with a class head for `names`.

        Raises:
            CheckpointError: the file cannot be read.
        """
        old = [item.name for item in self.config.classes]
        return with_classes(load_weights(self.weights), old, names)


def find_start(init: str) -> Start:
    """Return the start that `--init` names: "auto" (demo), a preset, a model folder or a file.

    Raises:
        ConfigError: it is none of these, or a model whose segmenter cannot be trained.
        CheckpointError: that preset's weights are neither shipped nor pulled.
    """
    name = "demo" if init == AUTO else init
    if name in preset_names():
        pulled = weights_for(name, None)
        file = shipped(name) if pulled is None else Path(os.fspath(pulled))
        return _checked(Start(name, preset(name), file))
    if (own := model_folder(name)) is not None:
        return _checked(Start(own.base, preset(name), own.weights))
    if name in all_presets():
        raise ConfigError(f"own classes are trained from a model of DVIS-DAQ; {name} is another")
    file = Path(name)
    if not file.is_file():
        raise ConfigError(f"--init {name} is no weight file, no model folder and no preset")
    said = header_of(file).get(PRESET)
    if said in preset_names():
        return _checked(Start(said, preset(said), file))
    return _checked(_by_shapes(file))


def _by_shapes(file: Path) -> Start:
    from maskstream_model.weightfiles.inspection import inspect

    inspection = inspect(file)
    known = [fit.preset for fit in inspection.exact if fit.preset in preset_names()]
    if len(known) == 1:
        return Start(known[0], preset(known[0]), file)
    if known:
        raise ConfigError(
            f"{file} fits {' and '.join(known)} alike: `maskstream weights convert --preset NAME` "
            "makes a file that says which it is"
        )
    raise ConfigError(f"{file} fits no preset that own classes can be trained from")


def _checked(start: Start) -> Start:
    if start.config.offline is not None or start.config.task != "instances":
        raise ConfigError(
            f"own classes are trained from an online model of instances; {start.base} is another"
        )
    return start
