"""Presets of VidEoMT by name: the models that its authors released on DINOv2."""

from dataclasses import replace

from maskstream_model.classes import (
    OVIS,
    VIPSEG_STUFF,
    VIPSEG_THINGS,
    YTVIS19,
    YTVIS21,
    classes,
)
from maskstream_model.config import find_preset
from maskstream_model.videomt.config import NetworkConfig, VideomtConfig, VideomtRules

SMALL, BASE = NetworkConfig(), NetworkConfig(width=768, heads=12)
LARGE = NetworkConfig(width=1024, depth=24, heads=16, query_blocks=4)


def preset_names() -> list[str]:
    """Return the names that `preset` knows."""
    return [config.name for config in _presets()]


def preset(name: str) -> VideomtConfig:
    """Return the configuration of a preset, or of the model in a folder; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[VideomtConfig]:
    """The numbers of the released configurations (docs/model.md 10.4)."""
    videos = VideomtRules()
    large = {
        "ytvis19": (YTVIS19, videos),
        "ytvis21": (YTVIS21, videos),
        "ytvis22": (YTVIS21, videos),
        "ovis": (OVIS, replace(videos, min_size=544)),
    }
    return [
        VideomtConfig("videomt_vits_ytvis19", classes(YTVIS19), SMALL),
        VideomtConfig("videomt_vitb_ytvis19", classes(YTVIS19), BASE),
        *(
            VideomtConfig(f"videomt_vitl_{data}", classes(names), LARGE, online=rules)
            for data, (names, rules) in large.items()
        ),
        *_scenes(),
    ]


def _scenes() -> list[VideomtConfig]:
    """Presets with stuff classes; their classes and network are the same."""
    config = VideomtConfig(
        "videomt_vitl_vipseg",
        classes(VIPSEG_THINGS, VIPSEG_STUFF),
        replace(LARGE, grid=(80, 80)),
        online=VideomtRules(min_size=720, report_score_min=0.8),
        task="panoptic",
    )
    return [config, replace(config, name="videomt_vitl_vspw", task="semantic")]
