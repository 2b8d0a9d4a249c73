"""`maskstream bench growth`: CPU time and memory of a frame as one thing grows at a time."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import numpy as np
import torch

from maskstream_bench.command import subject, video_argument
from maskstream_bench.crowd import Crowd, load_crowded
from maskstream_bench.meter import cpu_s, resident_bytes
from maskstream_bench.pictures import first_frames, resized
from maskstream_bench.reference import layers_work
from maskstream_bench.report import Measured, Run
from maskstream_bench.step_worker import Steps
from maskstream_model import load_model
from maskstream_model.aliases import Frame

TRACKS: Final = (1, 20, 50, 100, 200)
SESSIONS: Final = (1, 4, 16, 64)
SIZES: Final = ((320, 180), (640, 360), (1280, 720), (1920, 1080))
"""Width and height."""
FEW: Final = 3
"""Tracks where something else grows."""
PARTS: Final = 10
"""Of the long session."""
WARM_UP_ROUNDS: Final = 2


@dataclass(frozen=True)
class Point:
    """One size of what grows.

    Attributes:
        axis: what grows.
        x: how large it is.
        crowd: what is stepped.
    """

    axis: str
    x: float
    crowd: Crowd


@subject
@video_argument()
@click.option("--model", default="demo", show_default=True, help="Preset of DVIS-DAQ.")
@click.option("--weights", help="File, or `random`; without it, those shipped with the preset.")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--frames", type=click.IntRange(PARTS), default=500, show_default=True)
def growth(
    video: Path | None, model: str, weights: str | None, rounds: int, frames: int
) -> Measured:
    """Measure the CPU time of a frame, on one thread, against four things that may grow.

    They are the tracks of a session, the sessions of a server (whose frames step together, eight at
    most), the size of frames, and the length of a stream, of --frames frames. Rules are such that
    every query becomes a track. All points take turns with each other and with fixed work
    (`reference_ms`), so that slopes hold on a busy machine.
    """
    torch.set_num_threads(1)
    clip = first_frames(video)
    runs = _grown(points(load_crowded(model, weights), clip), rounds)
    long = _long(load_model(model, weights), clip, frames)
    return Measured({**runs, "length": long})


def points(model: Any, clip: Sequence[Frame]) -> list[Point]:
    """Return all points but those of length."""
    by_tracks = [Point("tracks", each, Crowd(model, clip, each)) for each in TRACKS]
    by_sessions = [Point("sessions", each, Crowd(model, clip, FEW, each)) for each in SESSIONS]
    by_size = list[Point]()
    for width, height in SIZES:
        frames = [resized(frame, height, width) for frame in clip[:8]]
        by_size.append(Point("megapixels", width * height / 1e6, Crowd(model, frames, FEW)))
    return [*by_tracks, *by_sessions, *by_size]


def _grown(points: Sequence[Point], rounds: int) -> dict[str, Run]:
    """Step all points in turns."""
    layers, took_s = layers_work(), [list[float]() for _ in points]
    reference_s = list[float]()
    before = resident_bytes(os.getpid())
    for turn in range(-WARM_UP_ROUNDS, rounds):
        turn_s = [cpu_s(point.crowd.step) / point.crowd.at_once for point in points]
        if turn >= 0:
            reference_s.append(cpu_s(layers))
            for times, each in zip(took_s, turn_s, strict=True):
                times.append(each)
    runs: dict[str, Run] = {"reference": {"reference_ms": _ms(reference_s)}}
    for axis in dict.fromkeys(point.axis for point in points):
        chosen = [(p, t) for p, t in zip(points, took_s, strict=True) if p.axis == axis]
        steps = [_ms(times) for _, times in chosen]
        memories = [point.crowd.memory_bytes() / 1024 for point, _ in chosen]
        runs[axis] = _run([point.x for point, _ in chosen], steps, memories)
    grown = resident_bytes(os.getpid()) - before
    runs["sessions"]["resident_mib_of_all"] = round(grown / 2**20, 1)
    return runs


def _long(model: Any, clip: Sequence[Frame], frames: int) -> Run:
    """Step a session, and a new one beside each tenth of it: its tenth frames only are compared."""
    long, each = Steps(model, cycle(clip)), frames // PARTS
    steps, new_steps, memories = list[float](), list[float](), list[float]()
    for _ in range(PARTS):
        steps.append(_ms([cpu_s(long.whole) for _ in range(each)]))
        new = Steps(model, cycle(clip))
        new_steps.append(_ms([cpu_s(new.whole) for _ in range(min(each, len(clip)))]))
        memories.append(long.memory_bytes() / 1024)
    run = _run([each * (part + 1) for part in range(PARTS)], steps, memories)
    ratios = [one / other for one, other in zip(steps, new_steps, strict=True)]
    return {**run, "new_step_ms": new_steps, "long / new": round(median(ratios), 3)}


def _run(xs: Sequence[float], steps: Sequence[float], memories: Sequence[float]) -> Run:
    """Return points with the slopes of straight lines through them, by least squares."""
    return {
        "x": list(xs),
        "step_ms": list(steps),
        "memory_kib": [round(each, 1) for each in memories],
        "step_ms_per_x": round(float(np.polyfit(xs, steps, 1)[0]), 5),
        "memory_kib_per_x": round(float(np.polyfit(xs, memories, 1)[0]), 5),
    }


def _ms(seconds: Sequence[float]) -> float:
    return round(1e3 * median(seconds), 3)
