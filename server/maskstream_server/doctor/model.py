"""The model: whether its checkpoint fits, and how long one step takes here."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from maskstream_model.interface import OnlineSegmenter
from maskstream_server.config.settings import Settings
from maskstream_server.doctor.finding import Finding
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.threads import settle_threads
from maskstream_server.engine.types import USUAL_SIZE, EngineRequest, StepFailedError
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.assembly import engine_threads, load, online_part

HEIGHT, WIDTH = USUAL_SIZE
NUM_WARM, NUM_TIMED = 3, 5
SLOW_S = 0.2


def check_model(settings: Settings) -> Sequence[Finding]:
    """Load the model as a server would, and step it."""
    began_s = time.perf_counter()
    try:
        model = online_part(load(settings))
    except StartError as error:
        advice = "See `maskstream weights list`; `maskstream weights verify` looks at a file."
        return [Finding("model", "failed", str(error).rstrip("."), advice)]
    took_s = time.perf_counter() - began_s
    source = settings.weights or "its own weights"
    text = f"{settings.model} from {source}, fingerprint {model.fingerprint}, {took_s:.1f} s"
    finding = Finding("model", "ok", text)
    if settings.weights == "random":
        finding = Finding("model", "warning", text, "It finds nothing: leave out --weights random.")
    return [finding, _step(settings, model)]


def _step(settings: Settings, model: OnlineSegmenter[Any]) -> Finding:
    stepper = Stepper(model, time.perf_counter)
    try:
        threads = settle_threads(engine_threads(settings), stepper.probe_s)
        step_s = statistics.median(_steps_s(stepper)[NUM_WARM:])
    except StepFailedError as error:
        advice = "Not enough memory? Use a smaller preset, or another --device."
        return Finding("step", "failed", f"the model fails on a frame: {error}", advice)
    text = (
        f"{1000 * step_s:.0f} ms for a frame of {WIDTH} x {HEIGHT}: {1 / step_s:.1f} frames/s, "
        f"CPU threads: {threads}"
    )
    if step_s > SLOW_S:
        advice = "Streams will be late: use a GPU (--device cuda) or a smaller preset."
        return Finding("step", "warning", text, advice)
    return Finding("step", "ok", text)


def _steps_s(stepper: Stepper[Any]) -> list[float]:
    """Step noise; return the seconds of each step, masks and snapshot included.

    Raises:
        StepFailedError: the model raised.
    """
    noise = np.random.default_rng(0)
    state, times_s = None, []
    for _ in range(NUM_WARM + NUM_TIMED):
        frame = noise.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        began_s = time.perf_counter()
        (outcome,) = stepper.step([EngineRequest("doctor", frame, state)], [began_s])
        if isinstance(outcome, StepFailedError):
            raise outcome
        state = outcome.state
        times_s.append(time.perf_counter() - began_s)
    return times_s
