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
from maskstream_bench.reference import layers_work
from maskstream_bench.report import Measured
from maskstream_bench.step_worker import parts_of
from maskstream_model import load_model

LEAST_SHARE: Final = 0.8
"""Of a recorded ratio that has to be reached."""
TRIES: Final = 3
"""Measurements in all: what another program slows down once counts only if it stays slow."""
WARM_UP_ROUNDS: Final = 2
REFERENCES: Final = ("layers", "product")
"""Names of the fixed work among the parts: layers of torch, and a product of two matrices."""
Ratios = Mapping[str, Mapping[str, float]]
"""Of the parts by name, for each of the references."""
Parts = Mapping[str, Callable[[], object]]


@subject
@click.argument("recorded", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--record", is_flag=True, help="Write what is measured to RECORDED.")
def check(recorded: Path, rounds: int, record: bool) -> Measured:
    """Compare the parts of a step of the demo model with the ratios in the file RECORDED.

    A ratio is the CPU time of fixed work, measured in turn with the part, over that of the part,
    on one thread; it holds on a busy machine, and roughly on other CPUs. There are two kinds of
    such work. Fails where a part is more than 20 % below its record by both, in three measurements.
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
        found = _best(found, ratios_of(parts, rounds))
    if wrong := fallen(found, expected):
        raise click.ClickException("\n".join(["Slower than recorded:", *wrong]))
    return Measured(found, {"recorded": expected})


def demo_parts() -> Parts:
    """Return what is measured: the fixed work, and parts of the demo model."""
    frames = first_frames(None)
    usual = parts_of(load_model("demo"), frames)
    crowded = load_crowded("demo", None)
    one, eight = Crowd(crowded, frames, 20), Crowd(crowded, frames, 20, sessions=8)
    of_one, of_eight = one.prepared(), eight.prepared()
    many = Crowd(crowded, frames, 100)
    many.step()
    (last,) = many.results
    return {
        "layers": layers_work(),
        "product": usual["product"],
        "segmenter": usual["segmenter"],
        "whole step": usual["whole"],
        "tracking of 20 tracks": lambda: one.track(of_one),
        "tracking of 8 sessions with 20 tracks": lambda: eight.track(of_eight),
        "crops of 100 masks": lambda: all_masks(last),
        "bytes of a memory of 100 tracks": many.memory_bytes,
    }


def ratios_of(parts: Parts, rounds: int) -> dict[str, dict[str, float]]:
    """Return the CPU time of fixed work over that of each other part: medians over rounds."""
    others = [name for name in parts if name not in REFERENCES]
    found = {fixed: {name: list[float]() for name in others} for fixed in REFERENCES}
    for turn in range(-WARM_UP_ROUNDS, rounds):
        took_s = {name: max(cpu_s(part), 1e-6) for name, part in parts.items()}
        for fixed, ratios in found.items() if turn >= 0 else ():
            for name in others:
                ratios[name].append(took_s[fixed] / took_s[name])
    return {
        fixed: {name: round(median(each), 4) for name, each in ratios.items()}
        for fixed, ratios in found.items()
    }


def fallen(found: Ratios, recorded: Ratios) -> list[str]:
    """Return a line for each part that is more than 20 % below its records, by all references."""
    lines = list[str]()
    for name in next(iter(recorded.values()), {}):
        # Not `share < ...`: NaN has fallen, too.
        shares = [found[fixed][name] / recorded[fixed][name] for fixed in recorded]
        if not any(share >= LEAST_SHARE for share in shares):
            said = " and ".join(f"{share:.0%}" for share in shares)
            lines.append(f"{name}: {said} of what is recorded by {' and '.join(recorded)}")
    return lines


def _best(one: Ratios, other: Ratios) -> dict[str, dict[str, float]]:
    return {
        fixed: {name: max(each, other[fixed][name]) for name, each in ratios.items()}
        for fixed, ratios in one.items()
    }


def _read(path: Path, parts: Parts) -> dict[str, dict[str, float]]:
    try:
        recorded: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path} cannot be read: {error}") from error
    expected = {fixed: set(parts) - set(REFERENCES) for fixed in REFERENCES}
    if not isinstance(recorded, dict) or {k: set(v) for k, v in recorded.items()} != expected:
        raise click.ClickException(f"{path} has other parts: record it anew with --record.")
    return recorded
