"""Presets of SgMg by name: the two that its authors released with a code of their own."""

from maskstream_model.config import find_preset
from maskstream_model.sgmg.config import NetworkConfig, SgmgConfig, VideoConfig

BASE = VideoConfig(embed=128, depths=(2, 2, 18, 2), heads=(4, 8, 16, 32))


def preset(name: str) -> SgmgConfig:
    """Return the configuration of a preset; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[SgmgConfig]:
    return [
        SgmgConfig("sgmg_videoswin_t", (), task="referring"),
        SgmgConfig("sgmg_videoswin_b", (), NetworkConfig(video=BASE), task="referring"),
    ]
