"""SgMg as a family of the registry; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.families import Family, WeightFormat, Weights
from maskstream_model.sgmg.presets import preset as configuration
from maskstream_model.sgmg.released import RELEASES


def load(
    preset: str,
    weights: Weights | None,
    device: str,
    tokenizer: Weights | None = None,
    **overrides: Any,
) -> Any:
    """Load a preset; see `families.Load`.

    `tokenizer` is the folder of the files of its tokenizer, by default that of the weight file.
    Overrides are fields of `SgmgRules`.
    """
    from maskstream_model.sgmg.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device, tokenizer)


def weight_format() -> WeightFormat:
    """Return how weight files of SgMg are read."""
    from maskstream_model.sgmg.weight_format import FORMAT

    return FORMAT


SGMG = Family(name="sgmg", load=load, releases=RELEASES, weight_format=weight_format)
