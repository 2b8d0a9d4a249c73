"""Facts that the presets of every family have, and how one is found by its name."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, TypeVar, cast, get_args

from maskstream_model.config.rules import Rules
from maskstream_model.errors import ConfigError
from maskstream_model.model_folders import model_folder
from maskstream_model.port import ClassInfo
from maskstream_model.port import Task as AnyTask

Task = Literal["instances", "panoptic", "semantic"]
"""Of models with classes: those that a model with stuff can be used for."""


@dataclass(frozen=True)
class PresetConfig(ABC):
    """Facts that the presets of every family have; a family adds its networks.

    Attributes:
        name: of the preset.
        classes: in the order of the class logits; things first.
        online: how it is run on live frames.
        task: default task.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    online: Rules = field(kw_only=True)
    task: AnyTask = field(default="instances", kw_only=True)

    @property
    @abstractmethod
    def backbone(self) -> str:
        """Description of what makes features of pixels, for messages."""

    @property
    def num_classes(self) -> int:
        """`K`, without the no-object class."""
        return len(self.classes)

    def for_task(self, task: str) -> Self:
        """Return this configuration for another task; only a model with stuff classes has several.

        Raises:
            ConfigError: an unknown task, or one that the model was not made for.
        """
        if task == self.task:
            return self
        if task not in get_args(Task):
            raise ConfigError(f"unknown task {task!r}; known are {', '.join(get_args(Task))}")
        if all(info.thing for info in self.classes):
            raise ConfigError(
                f"{self.name} has no classes of stuff: its task is {self.task}, not {task}"
            )
        return replace(self, task=cast(Task, task))

    def override(self, task: str | None = None, **rules: Any) -> Self:
        """Return this preset with some of its rules replaced, and for another task.

        Raises:
            ConfigError: an unknown rule or task, or a value out of range.
        """
        config = self if task is None else self.for_task(task)
        return replace(config, online=self.online.override(**rules))


Config = TypeVar("Config", bound=PresetConfig)


def find_preset(name: str, presets: Iterable[Config]) -> Config:
    """Return the preset of a name, or what the model in a folder makes of its base.

    Raises:
        ConfigError: no preset has this name, nor is it the folder of a model with such a base.
    """
    known = {config.name: config for config in presets}
    if name in known:
        return known[name]
    own = model_folder(name)
    if own is None:
        raise ConfigError(f"unknown model {name!r}; known are {', '.join(known)}")
    if own.base not in known:
        raise ConfigError(f"the base of a model is one of the presets, not {own.base!r}")
    return replace(known[own.base], name=own.name, classes=own.classes)
