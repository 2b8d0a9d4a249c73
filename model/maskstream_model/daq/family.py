"""DVIS-DAQ as a family of the registry; torch is imported when a preset is loaded."""

from dataclasses import replace
from typing import Any

from maskstream_model.daq.presets import preset as configuration
from maskstream_model.daq.released import RELEASES
from maskstream_model.families import Family, WeightFormat, Weights
from maskstream_model.releases import SHIPPED, Release

BASELINE_SUFFIX = "_hungarian"


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load an online or offline model; see `families.Load`.

    Overrides are fields of `OnlineConfig` and, offline, of `OfflineConfig`, and `task`: what a
    VIPSeg preset is used for, "panoptic", its own, "semantic" or "instances".
    """
    from maskstream_model.daq.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def load_baseline(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load the segmenter of a DVIS-DAQ preset with tracks linked by similarity; see `load`."""
    from maskstream_model.daq.hungarian import OnlineHungarian

    base = load(preset.removesuffix(BASELINE_SUFFIX), weights, device, **overrides)
    config = replace(base.config, name=preset)
    return OnlineHungarian(config, base.segmenter, base.device, base.fingerprint)


def graph(model: Any) -> Any:
    """Return what backends may compile: the segmenter, also of a model that refines."""
    from maskstream_model.mask2former.graph import segmenter_graph

    return segmenter_graph(live(model))


def live(model: Any) -> Any:
    """Return the online model inside of an offline one; an online model itself."""
    from maskstream_model.daq.offline import OfflineDaq

    return model.online if isinstance(model, OfflineDaq) else model


def weight_format() -> WeightFormat:
    """Return how weight files of DVIS-DAQ are read."""
    from maskstream_model.daq.weight_format import FORMAT

    return FORMAT


DAQ = Family(
    name="dvis-daq",
    load=load,
    graph=graph,
    releases=RELEASES,
    live=live,
    weight_format=weight_format,
)
HUNGARIAN = Family(
    name="hungarian",
    load=load_baseline,
    graph=graph,
    releases=(
        Release(
            f"demo{BASELINE_SUFFIX}",
            task="instances",
            data="synthetic clips",
            publisher=SHIPPED,
        ),
    ),
)
