"""Which presets a set of weights fits, by names and shapes alone."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from maskstream_model.checkpoint import Misfits, misfits
from maskstream_model.errors import ConfigError
from maskstream_model.families import WeightFormat, family_of, preset_names


@dataclass(frozen=True)
class Fit:
    """A preset, and how a file differs from it.

    Attributes:
        preset: its name.
        format: of its family's files.
        weights: the tensors of the file under the preset's names.
        misfits: differences.
    """

    preset: str
    format: WeightFormat
    weights: Mapping[str, Tensor]
    misfits: Misfits


def fits(weights: Mapping[str, Tensor], name: str | None = None) -> list[Fit]:
    """Compare weights with presets.

    Args:
        weights: tensors by name, as `load_weights` returns them.
        name: the only preset to compare with; None: all whose families read weight files.

    Returns:
        one entry per preset, the best first; without a name only those whose family has
        such names of tensors.

    Raises:
        ConfigError: an unknown preset, or one that has no weight files.
    """
    if name is not None:
        return [_fit(name, format_of(name), weights)]
    found = [
        _fit(preset, how, weights)
        for preset, how in _formats().items()
        if _may_fit(preset, how, weights)
    ]
    return sorted(found, key=lambda fit: fit.misfits.count)


def format_of(preset: str) -> WeightFormat:
    """Return the weight format of a preset's family.

    Raises:
        ConfigError: an unknown preset, or one that has no weight files.
    """
    of_family = family_of(preset).weight_format
    if of_family is None:
        raise ConfigError(f"{preset} has no weight files of its own")
    return of_family()


def _formats() -> dict[str, WeightFormat]:
    found = {}
    for preset in preset_names():
        with suppress(ConfigError):
            found[preset] = format_of(preset)
    return found


def _may_fit(preset: str, how: WeightFormat, weights: Mapping[str, Tensor]) -> bool:
    """Return whether a file has names of the family; networks are not built for that."""
    if not how.prefixes:
        return True
    return any(name.startswith(how.prefixes) for name in how.adapted(preset, weights))


def _fit(preset: str, how: WeightFormat, weights: Mapping[str, Tensor]) -> Fit:
    adapted = how.adapted(preset, weights)
    free = {name: adapted[name] for name in how.free_shapes if name in adapted}
    return Fit(preset, how, adapted, misfits({**how.targets(preset), **free}, adapted))


def names_of(fits: Sequence[Fit]) -> str:
    """Join the presets of fits for a sentence."""
    return " and ".join(fit.preset for fit in fits)
