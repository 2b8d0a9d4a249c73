"""Engines on disk, by a key of all that they depend on: a second start takes seconds."""

import hashlib
import json
import os
import platform
import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import torch
from filelock import FileLock

from maskstream_model.atomic_writes import atomic_write
from maskstream_model.backends.interface import Backend, Engine, Source
from maskstream_model.user_cache import user_cache

VARIABLE = "MASKSTREAM_ENGINES_DIR"
CPUINFO = Path("/proc/cpuinfo")
NOTE = "note.txt"
"""What `Backend.build` returned; written last."""


def engines_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where engines are kept: `MASKSTREAM_ENGINES_DIR`, or the user's cache folder.

    Engines are programs: what can write there can run code in each process that loads them.
    """
    named = environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    return user_cache(environ) / "maskstream" / "engines"


def key_of(name: str, backend: Backend, fingerprint: str, source: Source) -> str:
    """Return the name of an engine's folder: a digest of all that makes engines differ."""
    facts = {
        "backend": name,
        "versions": [version("maskstream"), torch.__version__, backend.versions()],
        "fingerprint": fingerprint,
        "outputs": list(source.names),
        "inputs": [list(each.shape) for each in source.largest],
        "precision": source.precision,
        "machine": _machine(source.device),
    }
    return f"{name}-{hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]}"


def engine(
    name: str, backend: Backend, fingerprint: str, source: Source, folder: Path
) -> tuple[Engine, str]:
    """Return an engine from the folder, built first where it is not there, and a note on it.

    Processes may share the folder: one builds, the others wait. Files that cannot be read are
    built again.
    """
    place = folder / key_of(name, backend, fingerprint, source)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(place.with_name(f"{place.name}.lock")), warnings.catch_warnings():
        # Of what compilers and torch deprecate within themselves.
        warnings.simplefilter("ignore")
        if (place / NOTE).is_file():
            try:
                return backend.load(source, place), (place / NOTE).read_text()
            except Exception:
                shutil.rmtree(place)
        with atomic_write(place) as draft:
            draft.mkdir()
            (draft / NOTE).write_text(backend.build(source, draft))
        return backend.load(source, place), (place / NOTE).read_text()


def _machine(device: torch.device) -> list[str]:
    """Return what of a device its engines depend on."""
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return [torch.cuda.get_device_name(device), str(capability), str(torch.version.cuda)]
    lines = CPUINFO.read_text().splitlines() if CPUINFO.exists() else []
    # Libraries of a CPU with more instructions would end the process here.
    known = {line for line in lines if line.startswith(("model name", "flags", "Features"))}
    return [platform.machine(), torch.backends.cpu.get_cpu_capability(), *sorted(known)]
