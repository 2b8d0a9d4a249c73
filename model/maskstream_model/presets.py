"""Presets by name: the released online models, and our own small `demo`."""

from dataclasses import replace

from maskstream_model.classes import (
    DEMO,
    OVIS,
    VIPSEG_STUFF,
    VIPSEG_THINGS,
    YTVIS19,
    YTVIS21,
    classes,
)
from maskstream_model.config import (
    ModelConfig,
    OnlineConfig,
    ResNetConfig,
    SegmenterConfig,
    SwinConfig,
    TrackerConfig,
    VitAdapterConfig,
)
from maskstream_model.errors import ConfigError


def _demo() -> ModelConfig:
    """Small enough for a laptop; the OVIS rules, so that tracker 2 decides too."""
    return ModelConfig(
        name="demo",
        classes=classes(DEMO),
        segmenter=SegmenterConfig(
            backbone=ResNetConfig("basic", 32, (48, 80, 144, 224), (1, 2, 2, 2)),
            num_queries=24,
            hidden_dim=96,
            num_heads=4,
            pixel_layers=2,
            pixel_heads=4,
            pixel_ffn_dim=256,
            decoder_layers=6,
            decoder_ffn_dim=384,
        ),
        tracker=TrackerConfig(num_layers=3, num_heads=4, ffn_dim=384, num_background=5),
        online=OnlineConfig(
            first_frame_score_min=0.4,
            tracked_score_min=0.4,
            emergence_score_min=0.4,
            min_size=128,
            report_score_min=0.4,
            double_iou_max=0.6,
        ),
    )


def _released() -> list[ModelConfig]:
    """The numbers of reference keys/CONFIGS.txt; outside OVIS tracker 1 decides alone."""
    segmenters = {
        "r50": SegmenterConfig(),
        "swinl": SegmenterConfig(backbone=SwinConfig(), num_queries=200),
        "vitl": SegmenterConfig(backbone=VitAdapterConfig(), num_queries=200),
    }
    ytvis = OnlineConfig(tracked_score_min=0.01, emergence_score_min=0.01, keep_score_min=None)
    sets = {
        "ovis": (OVIS, OnlineConfig()),
        "ytvis19": (YTVIS19, ytvis),
        "ytvis21": (YTVIS21, ytvis),
    }
    instances = [
        ModelConfig(f"daq_{backbone}_{data}", classes(names), segmenter, online=online)
        for backbone, segmenter in segmenters.items()
        for data, (names, online) in sets.items()
    ]
    vipseg = replace(ytvis, min_size=720, report_score_min=0.8)
    panoptic = [
        ModelConfig(
            f"daq_{backbone}_vipseg",
            classes(VIPSEG_THINGS, VIPSEG_STUFF),
            segmenters[backbone],
            online=vipseg,
            task="panoptic",
        )
        for backbone in ("r50", "vitl")
    ]
    return instances + panoptic


def preset_names() -> list[str]:
    """Return the names that `preset` knows."""
    return [config.name for config in (*_released(), _demo())]


def preset(name: str) -> ModelConfig:
    """Return the configuration of a preset.

    Raises:
        ConfigError: no preset has this name.
    """
    for config in (*_released(), _demo()):
        if config.name == name:
            return config
    raise ConfigError(f"unknown model {name!r}; known are {', '.join(preset_names())}")
