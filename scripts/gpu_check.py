"""All checks of a device in 8 minutes: agreement, times, a profile, live streams; JSON out.

Two commands; the second one runs where there is a GPU and no network, on a copy of this repository:

    python scripts/gpu_check.py prepare --folder gpu-check
    python scripts/gpu_check.py run --folder gpu-check --out OUT

The folder gets the packages that a run imports beyond torch and numpy, for Python 3.12 on Linux
(`--python` for another). OUT gets `result.json`, written anew after each part. Every preset and
backend is a process of its own, so that one that crashes or hangs ends nothing else; engines that
it has built are kept in the folder, and a second run loads them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
import traceback
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("scipy", "safetensors", "filelock", "pillow", "click")
"""What a model imports beyond torch, which brings filelock as a rule."""
METADATA = """Metadata-Version: 2.1
Name: maskstream
Version: {version}
"""
MINUTES = 8.0
LAST_S = 10.0
"""Kept for writing the results."""
Subject = Mapping[str, Any]
"""Fields of a `gpu_subject.Subject`; what is left out has its default."""


def subjects(device: str) -> list[Subject]:
    """Return what is measured, the most wanted first."""
    small = {"preset": "demo", "size": (360, 640)}
    large = {"preset": "daq_r50_ovis"}
    builds = ("tensorrt", "compile")
    wanted = [
        small,
        large,
        *({**one, "backend": name} for one in (small, large) for name in builds),
    ]
    wanted += [{**large, "backend": name, "precision": "bfloat16"} for name in builds]
    wanted.append({"preset": "videomt_vitl_ytvis19"})
    return [{**one, "device": device} for one in wanted]


def name_of(subject: Subject) -> str:
    """Return the name of a subject in the results."""
    names = (subject["preset"], subject.get("backend", "eager"), subject.get("precision", ""))
    return " ".join(filter(None, names))


def run(
    wanted: Sequence[Subject],
    out: Path,
    minutes: float,
    part: Callable[[Subject, float], dict[str, Any]],
) -> dict[str, Any]:
    """Measure all subjects while there is time; one that fails leaves its error.

    Args:
        wanted: the most wanted first.
        out: folder for `result.json`.
        minutes: of everything.
        part: measures a subject within so many seconds.
    """
    ends = time.monotonic() + 60 * minutes - LAST_S
    out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {"subjects": {}}
    for subject in wanted:
        left, began = ends - time.monotonic(), time.monotonic()
        try:
            found = part(subject, left) if left > LAST_S else {"error": "no time was left"}
        except Exception as error:  # the other parts are worth having
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {str(error)[-2000:]}"}
        found["seconds"] = round(time.monotonic() - began, 1)
        results["subjects"][name_of(subject)] = found
        (out / "result.json").write_text(json.dumps(results, indent=1) + "\n")
        print(name_of(subject), json.dumps(found)[:400], flush=True)
    return results


def in_a_process(folder: Path, subject: Subject, seconds: float) -> dict[str, Any]:
    """Measure a subject in a process of its own, with the packages and engines of the folder."""
    paths = [str(ROOT / "model"), os.environ.get("PYTHONPATH", ""), str(folder / "packages")]
    variables = {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    variables["MASKSTREAM_ENGINES_DIR"] = str(folder / "engines")
    command = [sys.executable, str(ROOT / "scripts/gpu_subject.py"), json.dumps(subject)]
    done = subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, timeout=seconds
    )
    if done.returncode:
        raise RuntimeError(f"it ended with {done.returncode}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def machine() -> dict[str, Any]:
    """Return what the run runs on."""
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    versions = {"python": sys.version.split()[0], "torch": torch.__version__}
    return {**versions, "device": name, "cores": os.cpu_count()}


def prepare(folder: Path, python: str) -> None:
    """Put the packages of a run into the folder, as their wheels have them."""
    packages = folder / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as wheels:
        options = ("--no-deps", "--only-binary=:all:", "--python-version", python, "--quiet")
        platforms = ("--platform", "manylinux_2_28_x86_64", "--platform", "manylinux2014_x86_64")
        command = (sys.executable, "-m", "pip", "download", *options, *platforms, "--dest", wheels)
        subprocess.run([*command, *PACKAGES], check=True)
        for wheel in Path(wheels).glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(packages)
    register(packages)


def register(packages: Path) -> None:
    """Write what an installation of this repository would: presets are found by entry points."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    facts = packages / f"maskstream-{project['version']}.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text(METADATA.format(version=project["version"]))
    presets = project["entry-points"]["maskstream.models"]
    lines = [f"{name} = {place}" for name, place in presets.items()]
    (facts / "entry_points.txt").write_text("\n".join(["[maskstream.models]", *lines, ""]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Prepare or run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    prepares = commands.add_parser("prepare", help="collect what a run imports")
    prepares.add_argument("--python", default="3.12")
    runs = commands.add_parser("run", help="check a device")
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--minutes", type=float, default=MINUTES)
    runs.add_argument("--device", default="cuda")
    for command in (prepares, runs):
        command.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args(arguments)
    if given.command == "prepare":
        prepare(given.folder, given.python)
    else:
        results = run(
            subjects(given.device),
            given.out,
            given.minutes,
            lambda subject, seconds: in_a_process(given.folder.absolute(), subject, seconds),
        )
        results["machine"] = machine()
        (given.out / "result.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
