"""Weights on disk: released `.pth` files, our own `.safetensors`, and strict loading of both."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.config import PresetConfig
from maskstream_model.errors import CheckpointError
from maskstream_model.plain_globals import PLAIN

UNUSED = "daq_criterion."
PRESET = "preset"
"""Name under which a file of ours names its preset."""
HOLDERS = ("model", "state_dict")
"""Names under which a published `.pth` may hold its tensors."""
MAX_LISTED = 20

Renames = Sequence[tuple[str, str | None]]
Parts = nn.Module | Mapping[str, nn.Module]
"""One module, or modules by the prefix that their names have in a file, as `{"tracker.": ...}`."""


def load_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a weight file as tensors by name, on the CPU, halves widened to float32.

    Args:
        path: `.safetensors`, or a published `.pth` with its tensors under `model` or `state_dict`,
            or bare.

    Raises:
        CheckpointError: no such file, or not one of these.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no weight file at {path}")
    try:
        stored = load_file(path) if path.suffix == ".safetensors" else _load_pickled(path)
    except CheckpointError:
        raise
    except Exception:  # On arbitrary bytes torch's unpickler raises errors of any kind.
        raise CheckpointError(_why_unreadable(path)) from None
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in stored.items()
        if not name.startswith(UNUSED)
    }


def header_of(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return the metadata of a `.safetensors` file, by name; nothing for other files."""
    if Path(path).suffix != ".safetensors":
        return {}
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _load_pickled(path: Path) -> dict[str, Tensor]:
    with torch.serialization.safe_globals(list(PLAIN)):
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    weights = _inner(content) if isinstance(content, dict) else None
    if not isinstance(weights, dict):
        raise CheckpointError(f"{path} holds no weights, under 'model' or 'state_dict' or bare")
    unknown = [name for name, value in weights.items() if not isinstance(value, Tensor)]
    if unknown:
        raise CheckpointError(f"{path} holds values that are no tensors: {listed(unknown)}")
    return weights


def _why_unreadable(path: Path) -> str:
    """Return what is wrong with a file that could not be read; no code of it is run."""
    foreign: Sequence[str] = ()
    with suppress(Exception), torch.serialization.safe_globals(list(PLAIN)):
        foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    if foreign:
        return (
            f"{path} is refused: it names code ({listed(sorted(foreign))}), which could do "
            "anything; none of it was run"
        )
    return f"{path} is no weight file, or is damaged"


def _inner(content: dict[str, Any]) -> Any:
    return next((content[name] for name in HOLDERS if name in content), content)


def renamed(tensors: Mapping[str, Tensor], renames: Renames) -> dict[str, Tensor]:
    """Return tensors under our names, without those that nothing here reads.

    Args:
        tensors: by their published names.
        renames: regular expressions with their replacements, all applied, in this order; None for
            a replacement leaves the tensor out.
    """
    ours = dict[str, Tensor]()
    for published, tensor in tensors.items():
        name = published
        for pattern, replacement in renames:
            if replacement is not None:
                name = re.sub(pattern, replacement, name)
            elif re.search(pattern, name):
                break
        else:
            ours[name] = tensor
    return ours


@dataclass(frozen=True)
class Misfits:
    """What keeps weights from fitting a model; all lists are empty where they fit.

    Attributes:
        missing: names that the model has alone.
        unexpected: names that the weights have alone.
        shapes: a clause for every name whose shapes differ.
        num_matching: names of which name and shape agree.
    """

    missing: list[str]
    unexpected: list[str]
    shapes: list[str]
    num_matching: int

    @property
    def count(self) -> int:
        """How many names do not fit."""
        return len(self.missing) + len(self.unexpected) + len(self.shapes)


def misfits(targets: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Misfits:
    """Compare the names and shapes of a model's tensors with those of weights."""
    common = [name for name in targets if name in weights]
    shapes = [
        f"{name} is {tuple(weights[name].shape)} instead of {tuple(targets[name].shape)}"
        for name in common
        if weights[name].shape != targets[name].shape
    ]
    missing, unexpected = sorted(set(targets) - set(weights)), sorted(set(weights) - set(targets))
    return Misfits(missing, unexpected, shapes, len(common) - len(shapes))


def load_into(parts: Parts, weights: Mapping[str, Tensor], rest: str = "") -> None:
    """Copy `weights` into the modules; nothing is changed when they do not fit.

    Args:
        parts: what the weights are for.
        weights: tensors by name.
        rest: ends the sentence where a list in it is cut: how to see all of it.

    Raises:
        CheckpointError: names missing from `weights`, names that no module has, or shapes that
            differ; a list of each.
    """
    targets = state_of(parts)
    found = misfits(targets, weights)
    if found.count:
        problems = {
            "missing": found.missing,
            "unexpected": found.unexpected,
            "of another shape": found.shapes,
        }
        sentences = [f"{what}: {listed(names)}" for what, names in problems.items() if names]
        if rest and any(len(names) > MAX_LISTED for names in problems.values()):
            sentences.append(rest)
        raise CheckpointError("the weights do not fit the model; " + "; ".join(sentences))
    with torch.no_grad():
        for name, target in targets.items():
            target.copy_(weights[name])


def state_of(parts: Parts) -> dict[str, Tensor]:
    """Return parameters and buffers by the name that they have in a file (not copies)."""
    modules = {"": parts} if isinstance(parts, nn.Module) else parts
    return {
        prefix + name: tensor.detach()
        for prefix, module in modules.items()
        for name, tensor in module.state_dict().items()
    }


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def save_safetensors(
    path: str | os.PathLike[str],
    weights: Mapping[str, Tensor],
    metadata: Mapping[str, str],
    half: bool = False,
) -> None:
    """Write a `.safetensors` file atomically, with the permissions of the umask.

    Args:
        path: replaced when it exists.
        weights: tensors by name.
        metadata: text by name, stored in the file's header.
        half: store floating point tensors as float16.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(path)
    tensors = _storable(weights, half)
    with atomic_write(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        try:
            save_file(tensors, temporary, dict(metadata))
        except SafetensorError as error:
            raise OSError(str(error)) from error
        # `save_file` makes files that only their owner can read.
        temporary.chmod(mode)


def _storable(weights: Mapping[str, Tensor], half: bool) -> dict[str, Tensor]:
    """Return the tensors as the format takes them: contiguous, no two sharing memory."""
    storable, storages = dict[str, Tensor](), set[int]()
    for name, weight in weights.items():
        tensor = weight.detach().cpu()
        if half and tensor.is_floating_point():
            tensor = tensor.half()
        tensor = tensor.contiguous()
        storage = tensor.untyped_storage().data_ptr()
        storable[name] = tensor.clone() if storage in storages else tensor
        storages.add(storage)
    return storable


def fingerprint(weights: Mapping[str, Tensor], config: PresetConfig) -> str:
    """Return 16 hex digits that change with the weights and with the rules of tracking.

    Names and colours of classes do not influence tracking and do not count, nor do the rules of
    what is shown.
    """
    rules = asdict(config)
    rules["classes"] = config.num_classes
    for name in ("report_score_min", "show_score_min", "object_score_min", "overlap_min"):
        del rules["online"][name]
    if rules.get("offline") is None:
        # So that fingerprints from before there were offline models stay what they were.
        rules.pop("offline", None)
    if "tracker" in rules and not rules["tracker"]["soft_classes"]:
        del rules["tracker"]["soft_classes"]  # as before there was such a choice
    digest = hashlib.sha256(json.dumps(rules, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def listed(names: list[str]) -> str:
    """Join names for a sentence; of a long list the first, and how many more there are."""
    rest = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(names[:MAX_LISTED]) + rest
