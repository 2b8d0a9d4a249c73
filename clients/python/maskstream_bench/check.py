"""`maskstream bench check`: whether parts of a step have become slower than they were recorded."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import torch

from maskstream_bench.command import subject
from maskstream_bench.crowd import Crowd, all_masks, load_crowded
from maskstream_bench.meter import cpu_s
from maskstream_bench.pictures import first_frames
from maskstream_bench.reference import reference_work
from maskstream_bench.report import Measured
from maskstream_bench.step_worker import parts_of
from maskstream_model import load_model

LEAST_SHARE: Final = 0.8
"""Of a recorded ratio that has to be reached."""
TRIES: Final = 3
"""Measurements in all: what another program slows down once counts only if it stays slow."""
WARM_UP_ROUNDS: Final = 2
Parts = Mapping[str, Callable[[], object]]


@subject
@click.argument("recorded", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--record", is_flag=True, help="Write what is measured to RECORDED.")
def check(recorded: Path, rounds: int, record: bool) -> Measured:
    """Compare the parts of a step of the demo model with the ratios in the file RECORDED.

    A ratio is the CPU time of fixed work, measured in turn with the part, over that of the part,
    on one thread; it holds on a busy machine, and roughly on other CPUs. Fails where one is more
    than 20 % below its record in three measurements.
    """
    torch.set_num_threads(1)
    parts = demo_parts()
    expected = {} if record else _read(recorded, parts)
    found = ratios_of(parts, rounds)
    if record:
        recorded.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for _ in range(TRIES - 1):
        if not fallen(found, expected):
            break
        again = ratios_of(parts, rounds)
        found = {name: max(each, again[name]) for name, each in found.items()}
    if wrong := fallen(found, expected):
        raise click.ClickException("\n".join(["Slower than recorded:", *wrong]))
    return Measured({"ratios": dict(found), "recorded": dict(expected)})


def demo_parts() -> Parts:
    """Return what is measured: of the demo model, and the fixed work as `reference`."""
    frames = first_frames(None)
    usual = parts_of(load_model("demo"), frames)
    crowded = load_crowded("demo", None)
    one, eight = Crowd(crowded, frames, 20), Crowd(crowded, frames, 20, sessions=8)
    of_one, of_eight = one.prepared(), eight.prepared()
    many = Crowd(crowded, frames, 100)
    many.step()
    (last,) = many.results
    return {
        "reference": reference_work(),
        "segmenter": usual["segmenter"],
        "whole step": usual["whole"],
        "tracking of 20 tracks": lambda: one.track(of_one),
        "tracking of 8 sessions with 20 tracks": lambda: eight.track(of_eight),
        "crops of 100 masks": lambda: all_masks(last),
        "bytes of a memory of 100 tracks": many.memory_bytes,
    }


def ratios_of(parts: Parts, rounds: int) -> dict[str, float]:
    """Return the CPU time of `reference` over that of each other part: medians over rounds."""
    found = {name: list[float]() for name in parts if name != "reference"}
    for turn in range(-WARM_UP_ROUNDS, rounds):
        took_s = {name: cpu_s(part) for name, part in parts.items()}
        if turn >= 0:
            for name, ratios in found.items():
                ratios.append(took_s["reference"] / max(took_s[name], 1e-6))
    return {name: round(median(ratios), 4) for name, ratios in found.items()}


def fallen(found: Mapping[str, float], recorded: Mapping[str, float]) -> list[str]:
    """Return a line for each ratio that is more than 20 % below its record."""
    return [
        f"{name}: {found[name]:g}, {found[name] / each:.0%} of the recorded {each:g}"
        for name, each in recorded.items()
        if not found[name] >= LEAST_SHARE * each
    ]


def _read(path: Path, parts: Parts) -> dict[str, float]:
    try:
        recorded: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    if not isinstance(recorded, dict) or set(recorded) != set(parts) - {"reference"}:
        raise click.ClickException(f"{path} has other parts: record it anew with --record.")
    return recorded
