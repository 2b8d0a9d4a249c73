"""What `maskstream bench model` does: whole steps of a model, one by one."""

import time
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import torch

from maskstream_model.port import Model, StepInput
from maskstream_server.bench.report import size_text, tell
from maskstream_server.config.settings import Settings
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.threads import settle_threads
from maskstream_server.lifecycle.assembly import engine_threads
from maskstream_server.lifecycle.models import load
from maskstream_server.lifecycle.videos import decode_upload

WARM_UP_STEPS: Final = 2
MATRIX: Final = 2048


def run_bench(settings: Settings, clip: Path, num_frames: int, out: Path | None) -> None:
    """Measure, print the report as JSON and write it where asked.

    Raises:
        MediaError: the clip cannot be read.
        StartError: the model cannot be loaded.
    """
    model = load(settings).live
    with closing(decode_upload(settings)(clip, skip=0, stride=1)) as video:
        frames = [frame.pixels for frame in islice(video, num_frames)]
    stepper = Stepper(time.perf_counter)
    settle_threads(engine_threads(settings), lambda: stepper.probe(model)[0])
    report: dict[str, Any] = {
        "model": model.info.name,
        "device": settings.device,
        "threads": torch.get_num_threads(),
        "size": size_text(*frames[0].shape[:2]),
    }
    for _ in range(WARM_UP_STEPS):
        model.step([StepInput([frames[0]], model.begin())])
    tell(report | _steps(model, frames) | {"matrix_gflop_s": matrix_gflop_s()}, out)


def _steps(model: Model[Any], frames: list[Any]) -> dict[str, Any]:
    """Step one session; its answers are waited for, on a GPU too."""
    state, took_s, tracks = model.begin(), list[float](), list[int]()
    for frame in frames:
        began_s = time.perf_counter()
        (output,) = model.step([StepInput([frame], state)])
        took_s.append(time.perf_counter() - began_s)
        state = output.state
        tracks += [len(result.tracks.track_ids) for result in output.results]
    each = [round(value, 4) for value in took_s]
    return {"median_s": round(median(took_s), 4), "step_s": each, "tracks": tracks}


def matrix_gflop_s() -> float:
    """Return how fast this CPU multiplies two large float32 matrices: what machines differ by."""
    left, right = torch.rand(2, MATRIX, MATRIX)
    took_s = []
    for _ in range(5):
        began_s = time.perf_counter()
        left @ right
        took_s.append(time.perf_counter() - began_s)
    return round(2 * MATRIX**3 / median(took_s) / 1e9, 1)
