"""GenVIS as a family of the registry; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.families import Family, WeightFormat, Weights
from maskstream_model.genvis.presets import preset as configuration
from maskstream_model.genvis.released import RELEASES


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load a preset; see `families.Load`. Overrides are fields of `GenvisRules`."""
    from maskstream_model.genvis.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def graph(model: Any) -> Any:
    """Return what backends may compile: the frame encoder."""
    from maskstream_model.genvis.graph import encoder_graph

    return encoder_graph(model)


def weight_format() -> WeightFormat:
    """Return how weight files of GenVIS are read."""
    from maskstream_model.genvis.weight_format import FORMAT

    return FORMAT


GENVIS = Family(
    name="genvis",
    load=load,
    graph=graph,
    releases=RELEASES,
    weight_format=weight_format,
)
