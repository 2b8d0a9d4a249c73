"""MDQE as a family of the registry; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.families import Family, WeightFormat, Weights
from maskstream_model.mdqe.presets import preset as configuration
from maskstream_model.mdqe.released import RELEASES


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load a preset; see `families.Load`. Overrides are fields of `MdqeRules`."""
    from maskstream_model.mdqe.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def weight_format() -> WeightFormat:
    """Return how weight files of MDQE are read."""
    from maskstream_model.mdqe.weight_format import FORMAT

    return FORMAT


MDQE = Family(name="mdqe", load=load, releases=RELEASES, weight_format=weight_format)
