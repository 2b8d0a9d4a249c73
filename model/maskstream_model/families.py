"""Families of models, found by the presets that they bring (docs/adding-a-model.md).

A distribution registers each preset as an entry point of the group `maskstream.models`: its name is
what users type, its value a `Family`. The presets of Maskstream are registered in the same way. A
list of presets imports none of them; a family is imported when one of its presets is asked for.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from os import PathLike
from typing import Any

from maskstream_model.errors import ConfigError, MaskstreamModelError, first_line
from maskstream_model.model_folders import model_folder
from maskstream_model.port import Model
from maskstream_model.releases import Release

GROUP = "maskstream.models"
Weights = str | PathLike[str]


Load = Callable[..., Model[Any]]
"""`load(preset, weights, device, **overrides)` returns the model of a preset, ready to step.

`weights` is a file, published or converted, or None for the one that comes with the preset; ours
also take "random" for seeded random ones, for tests. `device` is "cpu", "cuda" or "cuda:N";
overrides are rules of the preset to replace. What cannot be is a `MaskstreamModelError` with a
sentence for users: a ConfigError for arguments, a CheckpointError for weights.
"""


MakeGraph = Callable[[Any], Any]
"""From a loaded model to the `backends.graph.Graph` of what backends may compile of it."""

Live = Callable[[Any], Model[Any]]
"""From a loaded model that refines whole videos to the model of live frames inside it."""


Tensors = Mapping[str, Any]
"""Tensors of torch by name; this module does not import torch."""


def unchanged(preset: str, tensors: Tensors) -> Tensors:
    """Return the tensors: for families whose published files have the presets' own names."""
    return tensors


def no_hint(tensors: Tensors) -> str | None:
    """Return None: no hint about files that fit no preset."""
    return None


@dataclass(frozen=True)
class WeightFormat:
    """How weight files of a family are compared with its presets, and converted.

    Attributes:
        targets: `targets(preset)` returns all tensors that the preset loads, by name, on the
            device "meta".
        fingerprint: `fingerprint(preset, tensors)` returns the fingerprint of the model that has
            loaded them.
        adapted: `adapted(preset, tensors)` turns the tensors of a published file into those that
            the preset loads: renames, splits, permutes, leaves out. It is called with any file:
            tensors that it does not know, and those with the preset's own names, stay as they are.
        hint: `hint(tensors)` may describe a file that fits no preset: "it has no tracker".
        free_shapes: names of tensors whose shape may differ between files of one preset.
        prefixes: of the names of all tensors of its presets. A file without any adapted name that
            begins with one is not compared with them. Empty: every file is compared.
    """

    targets: Callable[[str], Tensors]
    fingerprint: Callable[[str, Tensors], str]
    adapted: Callable[[str, Tensors], Tensors] = unchanged
    hint: Callable[[Tensors], str | None] = no_hint
    free_shapes: Sequence[str] = ()
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """What an entry point names. Its module should import nothing heavy before `load` is called.

    Attributes:
        name: of the family, the same as in the `info` of its models.
        load: loads one of its presets.
        graph: says what backends may compile of a model; None where there is nothing.
        releases: published weights of its presets.
        live: returns the model of live frames inside a loaded one (itself if it does not refine);
            None where no preset of the family refines whole videos.
        weight_format: returns how its weight files are checked and converted; None: it has none.
    """

    name: str
    load: Load
    _: KW_ONLY
    graph: MakeGraph | None = None
    releases: Sequence[Release] = ()
    live: Live | None = None
    weight_format: Callable[[], WeightFormat] | None = None


def preset_names() -> list[str]:
    """Return the presets of all installed families; imports none of them."""
    return sorted({entry.name for entry in _registered()})


def family_of(preset: str) -> Family:
    """Return the family that brings a preset, or the base of the model in a folder.

    Raises:
        ConfigError: no family or more than one has it, its family cannot be imported, or the folder
            is no model.
    """
    found = _entries(preset)
    if not found and (own := model_folder(preset)) is not None:
        found = _entries(own.base)
        if not found:
            raise ConfigError(f"{preset} is based on {own.base!r}, which is not installed here")
    if not found and "/" in preset:
        raise ConfigError(f"there is no folder {preset}")
    if not found:
        names = preset_names()
        near = get_close_matches(preset, names, n=1, cutoff=0.8)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(names)}"
        raise ConfigError(f"unknown model {preset!r}; {hint}")
    if len(found) > 1:
        owners = " and ".join(sorted(_distribution(entry) for entry in found))
        raise ConfigError(f"{preset} is a model of both {owners}: uninstall one of them")
    return _imported(found[0])


def releases() -> list[Release]:
    """Return what all families publish, and a bare line for each preset of which nothing is.

    A family that cannot be imported publishes nothing.
    """
    families = list[Family]()
    for preset in preset_names():
        with suppress(ConfigError):
            if (family := family_of(preset)) not in families:
                families.append(family)
    listed = [release for family in families for release in family.releases]
    rest = set(preset_names()) - {release.preset for release in listed}
    return [*listed, *map(Release, sorted(rest))]


def release_of(preset: str) -> Release | None:
    """Return the published file that `maskstream weights pull` takes for a preset; the first.

    Raises:
        ConfigError: as of `family_of`.
    """
    rows = family_of(preset).releases
    return next((row for row in rows if row.preset == preset and (row.source or row.by_hand)), None)


def load(
    preset: str, weights: Weights | None = None, device: str = "cpu", **overrides: object
) -> Any:
    """Load a preset of any installed family; the arguments are those of `Load`.

    The folder of a model can stand for a preset; its own weights are then loaded where none are
    named.

    Raises:
        ConfigError: as of `family_of`, or the family fails.
        MaskstreamModelError: the family refuses what was asked for.
    """
    family = family_of(preset)
    if weights is None and not _entries(preset) and (own := model_folder(preset)) is not None:
        weights = own.weights
    try:
        return family.load(preset, weights, device, **overrides)
    except MaskstreamModelError:
        raise
    except Exception as error:
        raise ConfigError(f"{preset} of {family.name} fails: {first_line(error)}") from error


def graph_of(preset: str, model: Any) -> Any | None:
    """Return what backends may compile of a model, a `backends.graph.Graph`; None: nothing.

    Args:
        preset: what was loaded.
        model: what `load` returned.
    """
    make = family_of(preset).graph
    return None if make is None else make(model)


def live_model(preset: str, model: Model[Any]) -> Model[Any]:
    """Return the model of live frames: the model itself, or the online part of an offline one.

    Args:
        preset: what was loaded.
        model: what `load` returned.
    """
    family = family_of(preset)
    return model if family.live is None else family.live(model)


def _entries(preset: str) -> list[EntryPoint]:
    return [entry for entry in _registered() if entry.name == preset]


def _registered() -> Iterable[EntryPoint]:
    return _registered_on(tuple(sys.path))


@cache
def _registered_on(path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """Read the presets of all distributions on a path, which takes 20 ms of a core."""
    return tuple(entry_points(group=GROUP))


def _imported(entry: EntryPoint) -> Family:
    try:
        family = entry.load()
    except Exception as error:
        raise ConfigError(f"{_origin(entry)} cannot be imported: {first_line(error)}") from error
    if not isinstance(family, Family):
        sentence = f"{_origin(entry)} is registered as {entry.value}, which is no Family"
        raise ConfigError(sentence)
    return family


def _origin(entry: EntryPoint) -> str:
    return f"the model {entry.name} of {_distribution(entry)}"


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"
