"""Model facts: frozen, typed, one dataclass per part. Deployment facts live in the server."""

from maskstream_model.config.model import ClassInfo, ModelConfig, Task
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
from maskstream_model.config.rules import OfflineConfig, OnlineConfig

__all__ = [
    "BackboneConfig",
    "ClassInfo",
    "EfficientNetConfig",
    "ModelConfig",
    "OfflineConfig",
    "OnlineConfig",
    "RefinerConfig",
    "ResNetConfig",
    "SegmenterConfig",
    "SwinConfig",
    "Task",
    "TrackerConfig",
    "VitAdapterConfig",
]
