"""Presets by name: the released models, and our own small `demo`."""

from dataclasses import replace

from maskstream_model.classes import (
    OVIS,
    VIPSEG_STUFF,
    VIPSEG_THINGS,
    YTVIS19,
    YTVIS21,
    classes,
)
from maskstream_model.config import (
    ModelConfig,
    OfflineConfig,
    OnlineConfig,
    RefinerConfig,
    SegmenterConfig,
    SwinConfig,
    VitAdapterConfig,
    find_preset,
)
from maskstream_model.config.demo import demo


def _released() -> list[ModelConfig]:
    """The numbers of the released configurations; outside OVIS tracker 1 decides alone."""
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
    """Return the names that `preset` accepts; offline ones have `preset(name).offline`."""
    return [config.name for config in _presets()]


def preset(name: str) -> ModelConfig:
    """Return the configuration of a preset, or of the model in a folder; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[ModelConfig]:
    return [*_released(), *_offline(), demo()]
