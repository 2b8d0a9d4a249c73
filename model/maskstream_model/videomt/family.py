"""VidEoMT as a family of the registry; torch is imported when a preset is loaded."""

from typing import Any

from maskstream_model.families import CompileRequest, Family, WeightFormat, Weights
from maskstream_model.videomt.presets import preset as configuration
from maskstream_model.videomt.released import RELEASES


def load(preset: str, weights: Weights | None, device: str, **overrides: Any) -> Any:
    """Load a preset; see `families.Load`. Published files are the authors' or of `transformers`.

    Overrides are fields of `VideomtRules`, and `task`: what a preset with stuff classes is used
    for, "panoptic", "semantic" or "instances".
    """
    from maskstream_model.videomt.loading import load as loaded

    return loaded(configuration(preset).override(**overrides), weights, device)


def compiled(model: Any, request: CompileRequest) -> tuple[Any, str | None]:
    """Return the model with a compiled network, or as it is and why."""
    from maskstream_model.videomt.compile import compile_model

    return compile_model(model, request)


def weight_format() -> WeightFormat:
    """Return how weight files of VidEoMT are read."""
    from maskstream_model.videomt.weight_format import FORMAT

    return FORMAT


VIDEOMT = Family(
    name="videomt",
    load=load,
    compile=compiled,
    releases=RELEASES,
    weight_format=weight_format,
)
