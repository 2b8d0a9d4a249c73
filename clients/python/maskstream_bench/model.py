"""`maskstream bench model`: the steps of a model, without a server."""

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import click

from maskstream_bench.command import subject, video_argument
from maskstream_bench.pictures import first_frames
from maskstream_bench.report import Measured, Run, spread
from maskstream_model.aliases import Frame
from maskstream_model.port import Model, StepInput
from maskstream_server.command_options import MODEL_OPTIONS, run_with_settings, setting_options
from maskstream_server.config.settings import Settings
from maskstream_server.engine.step import Stepper, any_prompt
from maskstream_server.engine.threads import choose_threads
from maskstream_server.lifecycle.assembly import engine_threads
from maskstream_server.lifecycle.backend import run_on_backend
from maskstream_server.lifecycle.models import load

WARM_UP_STEPS: Final = 3
CLIPS_AT_REST: Final = 8
"""Steps between which nothing is decoded."""


@subject
@video_argument()
@click.option("--frames", type=click.IntRange(1), default=7, show_default=True)
@setting_options(*MODEL_OPTIONS)
def model(video: Path | None, frames: int, **options: Any) -> Measured:
    """Time a model's whole steps on the first frames of VIDEO; --weights random will do."""

    def measure(settings: Settings) -> Measured:
        model = load(settings).live
        run_on_backend(settings, model, lambda doing: None)
        run = step_all(settings, model, first_frames(video, frames))
        info = model.info
        facts = {"name": info.name, "backend": info.backend, "precision": info.precision}
        return Measured({"model": {**facts, **run}})

    return run_with_settings(measure, {"log_level": "error", **options})


def step_all(
    settings: Settings, model: Model[Any], frames: Iterable[Frame], at_once: int = 1
) -> Run:
    """Step one session in a thread of its own, as the engine does; only the steps are counted.

    A step's answer is waited for, on a GPU too. A late model is flushed at the end, as a step of
    its own; one of sentences looks for one.

    Args:
        settings: `threads` and `max_tracks`.
        model: stays as it is.
        frames: of one size, at least one.
        at_once: how many are stepped together.
    """
    with ThreadPoolExecutor(1, "steps") as thread:
        return thread.submit(_steps, settings, model, frames, at_once).result()


def _steps(settings: Settings, model: Model[Any], frames: Iterable[Frame], at_once: int) -> Run:
    stepper = Stepper(time.perf_counter)
    options = replace(any_prompt(model), max_tracks=settings.max_tracks)
    threads = choose_threads(engine_threads(settings), lambda: stepper.whole_frame_s(model))
    clips = _clips(iter(frames), at_once)
    first = next(clips)
    for _ in range(WARM_UP_STEPS):
        model.step([StepInput(first, model.begin(options), options)])
    state, clips = model.begin(options), chain([first], clips)
    took_s, tracks, cpu_s = list[float](), list[int](), 0.0
    while some := list(islice(clips, CLIPS_AT_REST)):
        began_cpu_s = time.process_time()
        for clip in some:
            began_s = time.perf_counter()
            (output,) = model.step([StepInput(clip, state, options)])
            took_s.append(time.perf_counter() - began_s)
            state = output.state
            tracks += [len(each.tracks.track_ids) for each in output.results if each.final]
        cpu_s += time.process_time() - began_cpu_s
    if model.info.lookahead:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        tracks += [len(result.tracks.track_ids) for result in model.flush(state, options).results]
        took_s.append(time.perf_counter() - began_s)
        cpu_s += time.process_time() - began_cpu_s
    height, width = first[0].shape[:2]
    return {
        "size": f"{width}x{height}",
        "threads": threads,
        "at_once": at_once,
        "frames": len(tracks),
        "seconds": round(sum(took_s), 3),
        "cpu_s": round(cpu_s, 3),
        "step_ms": spread(took_s, 1e3),
        "tracks": spread(tracks),
    }


def _clips(frames: Iterator[Frame], at_once: int) -> Iterator[list[Frame]]:
    """Yield so many frames at a time."""
    while some := list(islice(frames, at_once)):
        yield some
