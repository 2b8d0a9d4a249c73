"""Presets of GenVIS by name: the models that its authors released."""

from maskstream_model.classes import OVIS, YTVIS19, YTVIS21, classes
from maskstream_model.config import SegmenterConfig, SwinConfig, find_preset
from maskstream_model.genvis.config import ClipConfig, GenvisConfig, GenvisRules

BACKBONES = {
    "r50": (SegmenterConfig(), ClipConfig(), 360),
    "swinl": (
        SegmenterConfig(backbone=SwinConfig(), num_queries=200),
        ClipConfig(num_queries=200, num_frame_queries=200),
        448,
    ),
}
"""Networks, and the shorter side of frames in the authors' tests."""
DATA = {"ovis": OVIS, "ytvis19": YTVIS19, "ytvis21": YTVIS21}
CLIPS = {"online": 1, "semi": 3}
"""Frames that are read together."""


def preset_names() -> list[str]:
    """Return the names that `preset` knows."""
    return [config.name for config in _presets()]


def preset(name: str) -> GenvisConfig:
    """Return the configuration of a preset, or of the model in a folder; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[GenvisConfig]:
    return [
        GenvisConfig(
            f"genvis_{backbone}_{data}_{kind}",
            classes(names),
            segmenter,
            clips,
            online=GenvisRules(clip_frames=frames, min_size=min_size),
        )
        for backbone, (segmenter, clips, min_size) in BACKBONES.items()
        for data, names in DATA.items()
        for kind, frames in CLIPS.items()
    ]
