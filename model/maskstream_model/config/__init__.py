"""Model facts: frozen, typed, one dataclass per part. Deployment facts live in the server."""

from maskstream_model.config.model import ModelConfig
from maskstream_model.config.networks import (
    BackboneConfig,
    EfficientNetConfig,
    RefinerConfig,
    ResNetConfig,
    SegmenterConfig,
    SwinConfig,
    TrackerConfig,
    VitAdapterConfig,
)
from maskstream_model.config.preset import PresetConfig, Task, find_preset
from maskstream_model.config.rules import OfflineConfig, OnlineConfig, Rules
from maskstream_model.port import ClassInfo

__all__ = [
    "BackboneConfig",
    "ClassInfo",
    "EfficientNetConfig",
    "ModelConfig",
    "OfflineConfig",
    "OnlineConfig",
    "PresetConfig",
    "RefinerConfig",
    "ResNetConfig",
    "Rules",
    "SegmenterConfig",
    "SwinConfig",
    "Task",
    "TrackerConfig",
    "VitAdapterConfig",
    "find_preset",
]
