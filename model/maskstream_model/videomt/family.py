"""VidEoMT as a family of the registry; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.families import Family, WeightFormat, Weights
from maskstream_model.videomt.presets import preset as configuration
from maskstream_model.videomt.released import RELEASES


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load a preset; see `families.Load`. Published files are the authors' or of `transformers`.

    Overrides are fields of `VideomtRules`, and `task`: what a preset with stuff classes is used
    for, "panoptic", "semantic" or "instances".
    """
    from maskstream_model.videomt.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def graph(model: Any) -> Any:
    """Return what backends may compile: the network, with the positions of one size."""
    from maskstream_model.videomt.graph import network_graph

    return network_graph(model)


def weight_format() -> WeightFormat:
    """Return how weight files of VidEoMT are read."""
    from maskstream_model.videomt.weight_format import FORMAT

    return FORMAT


VIDEOMT = Family(
    name="videomt",
    load=load,
    graph=graph,
    releases=RELEASES,
    weight_format=weight_format,
)
