"""Presets of MDQE by name: the models that its authors released."""

from maskstream_model.classes import OVIS, YTVIS19, YTVIS21, classes
from maskstream_model.config import find_preset
from maskstream_model.config.networks import SwinV2Config
from maskstream_model.mdqe.config import MdqeConfig, MdqeRules, NetworkConfig

OVIS_SEARCH, YTVIS_SEARCH = 5, 7
VIDEOS = {"ytvis19": YTVIS19, "ytvis21": YTVIS21}


def preset_names() -> list[str]:
    """Return the names that `preset` knows."""
    return [config.name for config in _presets()]


def preset(name: str) -> MdqeConfig:
    """Return the configuration of a preset, or of the model in a folder; see `find_preset`."""
    return find_preset(name, _presets())


def _presets() -> list[MdqeConfig]:
    """The numbers of the released configurations (docs/model.md 14.6)."""
    small, large = NetworkConfig(search=OVIS_SEARCH), _swin(2, OVIS_SEARCH)
    fine = MdqeRules(window_frames=20, instance_score_min=0.2, min_size=640)
    pair = MdqeRules(clip_frames=2, window_frames=20, min_size=480)
    ovis = classes(OVIS)
    return [
        MdqeConfig("mdqe_r50_ovis", ovis, small),
        MdqeConfig("mdqe_r50_ovis_720", ovis, small, online=fine),
        MdqeConfig("mdqe_swinl_ovis", ovis, large, online=pair),
        *(
            MdqeConfig(f"mdqe_{kind}_{data}", classes(names), network, online=_videos(window))
            for kind, network, window in (
                ("r50", NetworkConfig(search=YTVIS_SEARCH), 30),
                ("swinl", _swin(3, YTVIS_SEARCH), 20),
            )
            for data, names in VIDEOS.items()
        ),
    ]


def _swin(frames: int, search: int) -> NetworkConfig:
    return NetworkConfig(SwinV2Config(), width=192, frames=frames, search=search)


def _videos(window: int) -> MdqeRules:
    return MdqeRules(window_frames=window, instances_max=10, tracks_max=70)
