"""Presets by name: the released models for instances, and our own small `demo`."""

import colorsys
from dataclasses import replace

from maskstream_model.config import (
    ClassInfo,
    ModelConfig,
    OfflineConfig,
    OnlineConfig,
    RefinerConfig,
    ResNetConfig,
    SegmenterConfig,
    SwinConfig,
    TrackerConfig,
    VitAdapterConfig,
)
from maskstream_model.errors import ConfigError

OVIS = (
    "person bird cat dog horse sheep cow elephant bear zebra giraffe poultry giant_panda lizard "
    "parrot monkey rabbit tiger fish turtle bicycle motorcycle airplane boat vehicle"
)
YTVIS19 = (
    "person giant_panda lizard parrot skateboard sedan ape dog snake monkey hand rabbit duck cat "
    "cow fish train horse turtle bear motorbike giraffe leopard fox deer owl surfboard airplane "
    "truck zebra tiger elephant snowboard boat shark mouse frog eagle earless_seal tennis_racket"
)
YTVIS21 = (
    "airplane bear bird boat car cat cow deer dog duck earless_seal elephant fish flying_disc fox "
    "frog giant_panda giraffe horse leopard lizard monkey motorbike mouse parrot person rabbit "
    "shark skateboard snake snowboard squirrel surfboard tennis_racket tiger train truck turtle "
    "whale zebra"
)
DEMO = "person animal vehicle object"


def color_of(index: int) -> str:
    """Return a colour `#rrggbb` for a class index; neighbours differ by the golden angle."""
    hue = (0.02 + index * 0.618033988749895) % 1.0
    rgb = colorsys.hsv_to_rgb(hue, 0.55 + 0.3 * (index % 2), 0.95 - 0.15 * (index % 3))
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _classes(names: str) -> tuple[ClassInfo, ...]:
    return tuple(ClassInfo(name, color_of(i)) for i, name in enumerate(names.split()))


def _demo() -> ModelConfig:
    """Small enough for a laptop; the OVIS rules, so that tracker 2 decides too."""
    return ModelConfig(
        name="demo",
        classes=_classes(DEMO),
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
    """The numbers of reference keys/CONFIGS.txt; YouTube-VIS leaves the decision to tracker 1."""
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
    return [
        ModelConfig(f"daq_{backbone}_{data}", _classes(names), segmenter, online=online)
        for backbone, segmenter in segmenters.items()
        for data, (names, online) in sets.items()
    ]


def _offline() -> list[ModelConfig]:
    """The online models with a refiner; those of OVIS keep and start tracks more easily."""
    easier = {"tracked_score_min": 0.05, "emergence_score_min": 0.05}
    changes: tuple[tuple[str, bool, dict[str, float]], ...] = (
        ("daq_r50_ovis", False, easier),
        ("daq_vitl_ovis", True, easier),
        ("daq_vitl_ytvis19", False, {}),
        ("daq_vitl_ytvis21", True, {}),
    )
    online = {config.name: config for config in _released()}
    return [
        replace(
            online[name],
            name=f"{name}_offline",
            online=online[name].online.override(**rules),
            offline=OfflineConfig(RefinerConfig(local_attention=local_attention)),
        )
        for name, local_attention, rules in changes
    ]


def preset_names() -> list[str]:
    """Return the names that `preset` knows; `preset(name).offline` tells online from offline."""
    return [config.name for config in _presets()]


def preset(name: str) -> ModelConfig:
    """Return the configuration of a preset.

    Raises:
        ConfigError: no preset has this name.
    """
    for config in _presets():
        if config.name == name:
            return config
    raise ConfigError(f"unknown model {name!r}; known are {', '.join(preset_names())}")


def _presets() -> list[ModelConfig]:
    return [*_released(), *_offline(), _demo()]
