"""All facts of one model: its networks, its rules, its classes and its task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, cast, get_args

from maskstream_model.config.networks import SegmenterConfig, TrackerConfig
from maskstream_model.config.rules import OfflineConfig, OnlineConfig, refuse_unknown
from maskstream_model.errors import ConfigError
from maskstream_model.port import ClassInfo as ClassInfo
from maskstream_model.tasks.rules import TaskConfig

Task = Literal["instances", "panoptic", "semantic"]


@dataclass(frozen=True)
class ModelConfig:
    """All facts of one preset: what is built, how it is run, what its classes mean.

    Attributes:
        name: of the preset.
        classes: in the order of the class logits; things first.
        segmenter: Mask2Former.
        tracker: both query trackers.
        online: rules of streaming, of an offline model too: its rows are tracked first.
        task: what masks become, unless a caller asks for another.
        offline: what refines whole videos; None for an online model.
    """

    name: str
    classes: tuple[ClassInfo, ...]
    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    online: OnlineConfig = field(default_factory=OnlineConfig)
    task: Task = "instances"
    offline: OfflineConfig | None = None

    @property
    def num_classes(self) -> int:
        """`K`, without the no-object class."""
        return len(self.classes)

    def for_task(self, task: str) -> "ModelConfig":
        """Return this configuration for another task; only a model that knows stuff has several.

        Raises:
            ConfigError: an unknown task, or one that the model was not made for.
        """
        return replace(self, task=checked_task(self, task))

    def override(self, **overrides: object) -> "ModelConfig":
        """Return this preset with some fields of its online and offline rules replaced.

        Raises:
            ConfigError: an unknown field, or a value out of range.
        """
        online = [item.name for item in fields(self.online)]
        offline = [item.name for item in fields(OfflineConfig) if item.name != "refiner"]
        refuse_unknown(overrides, online if self.offline is None else [*online, *offline])
        changed = replace(self, online=replace(self.online, **_only(overrides, online)))
        if changed.offline is None:
            return changed
        return replace(changed, offline=replace(changed.offline, **_only(overrides, offline)))


def checked_task(config: TaskConfig, task: str) -> Task:
    """Return the task that is wanted of a model.

    Raises:
        ConfigError: an unknown task, or one that the model was not made for.
    """
    if task not in get_args(Task):
        raise ConfigError(f"unknown task {task!r}; known are {', '.join(get_args(Task))}")
    if task != config.task and all(info.thing for info in config.classes):
        raise ConfigError(f"{config.name} knows no stuff: its task is {config.task}, not {task}")
    return cast(Task, task)


def _only(values: Mapping[str, object], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
