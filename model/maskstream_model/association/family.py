"""Mask2Former with associated queries as a family; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.association.presets import preset as configuration
from maskstream_model.association.released import RELEASES
from maskstream_model.families import Family, WeightFormat, Weights


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load a preset; see `families.Load`.

    Overrides are fields of `AssociationRules`, and `task`: what a panoptic preset is used for,
    "panoptic", its own, "semantic" or "instances".
    """
    from maskstream_model.association.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def graph(model: Any) -> Any:
    """Return what backends may compile: the segmenter."""
    from maskstream_model.mask2former.graph import segmenter_graph

    return segmenter_graph(model)


def weight_format() -> WeightFormat:
    """Return how weight files are read."""
    from maskstream_model.association.weight_format import FORMAT

    return FORMAT


MASK2FORMER = Family(
    name="mask2former",
    load=load,
    graph=graph,
    releases=RELEASES,
    weight_format=weight_format,
)
