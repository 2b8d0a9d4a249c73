"""All facts of one model with a segmenter: its networks, its rules, its classes and its task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from maskstream_model.config.networks import SegmenterConfig, TrackerConfig
from maskstream_model.config.preset import PresetConfig
from maskstream_model.config.rules import OfflineConfig, OnlineConfig, refuse_unknown


@dataclass(frozen=True)
class ModelConfig(PresetConfig):
    """What is built of Mask2Former, trackers and refiner, and how it is run.

    Attributes:
        segmenter: Mask2Former.
        tracker: both query trackers.
        online: rules of streaming, of an offline model too: its rows are tracked first.
        offline: what refines whole videos; None for an online model.
    """

    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    online: OnlineConfig = field(default_factory=OnlineConfig, kw_only=True)
    offline: OfflineConfig | None = None

    @property
    def backbone(self) -> str:
        """See `PresetConfig`."""
        return self.segmenter.backbone.kind

    def override(self, task: str | None = None, **rules: Any) -> Self:
        """Return this preset with some fields of its online and offline rules replaced.

        Raises:
            ConfigError: an unknown field or task, or a value out of range.
        """
        if self.offline is None:
            return super().override(task, **rules)
        online = [item.name for item in fields(self.online)]
        offline = [item.name for item in fields(OfflineConfig) if item.name != "refiner"]
        refuse_unknown(rules, [*online, *offline])
        changed = super().override(task, **_only(rules, online))
        return replace(changed, offline=replace(self.offline, **_only(rules, offline)))


def _only(values: Mapping[str, object], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in names}
