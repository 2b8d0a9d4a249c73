"""The model: whether its checkpoint fits, and how long one step takes here."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.doctor.backends import described
from maskstream_server.doctor.finding import Finding
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.threads import choose_threads
from maskstream_server.engine.types import USUAL_SIZE
from maskstream_server.errors import StartError, StepFailedError
from maskstream_server.lifecycle.assembly import engine_threads
from maskstream_server.lifecycle.backend import Report, run_on_backend
from maskstream_server.lifecycle.models import load

HEIGHT, WIDTH = USUAL_SIZE
NUM_WARM, NUM_TIMED = 3, 5
SLOW_S = 0.2


def check_model(settings: Settings, report: Report) -> Sequence[Finding]:
    """Load the model as a server would, and step it; `report` is called while engines are built."""
    began_s = time.perf_counter()
    try:
        model = load(settings).live
    except StartError as error:
        advice = "See `maskstream weights list`; `maskstream weights pull` fetches what it lists."
        return [Finding("model", "failed", str(error).rstrip("."), advice)]
    took_s = time.perf_counter() - began_s
    source = settings.weights or "the weights that came with it or were pulled"
    text = f"{settings.model} from {source}, fingerprint {model.info.fingerprint}, {took_s:.1f} s"
    finding = Finding("model", "ok", text)
    if settings.weights == "random":
        finding = Finding("model", "warning", text, "It finds nothing: leave out --weights random.")
    return [finding, _backend(settings, model, report), _step(settings, model)]


def _backend(settings: Settings, model: Model[Any], report: Report) -> Finding:
    try:
        execution = run_on_backend(settings, model, report)
    except StartError as error:
        advice = (
            "The model would run eagerly; `maskstream doctor --backends` shows what else could."
        )
        return Finding("backend", "warning", str(error).rstrip("."), advice)
    text = described(execution)
    if execution.reason is not None:
        return Finding("backend", "warning", f"{text}, since {execution.reason}", "See --backends.")
    return Finding("backend", "ok", text)


def _step(settings: Settings, model: Model[Any]) -> Finding:
    stepper = Stepper(time.perf_counter)
    try:
        threads = choose_threads(engine_threads(settings), lambda: stepper.whole_frame_s(model))
        step_s = _frame_s(stepper, model)
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


def _frame_s(stepper: Stepper, model: Model[Any]) -> float:
    """Return the seconds of a frame; of a late model the mean over whole chunks.

    Most frames of a chunk only wait, and one has the work of all.
    """
    if not model.info.lookahead:
        return statistics.median(stepper.probe(model, NUM_WARM + NUM_TIMED)[NUM_WARM:])
    chunk = model.info.lookahead + 1
    warm, timed = (chunk * -(-count // chunk) for count in (NUM_WARM, NUM_TIMED))
    return statistics.fmean(stepper.probe(model, warm + timed)[warm:])
