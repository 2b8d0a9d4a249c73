"""What `gpu_check.py` measures of one preset on one backend, in a process of its own.

Its argument is a `Subject` as JSON; its last line of output is what was found, as JSON.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

import numpy as np
import torch
from torch.profiler import profile as recorder
from torch.utils.flop_counter import FlopCounterMode

from maskstream_model import load_model
from maskstream_model.backends.accelerate import accelerate
from maskstream_model.backends.clips import clips
from maskstream_model.backends.execution import Wish
from maskstream_model.families import graph_of, live_model
from maskstream_model.port import StepInput

NUM_FRAMES = 4
"""Of each clip."""
WARM_UP_STEPS, ROUNDS = 3, 20
PRODUCT_SIDE = 8192
"""Of the matrices whose product shows what a GPU does at best."""


@dataclass(frozen=True)
class Subject:
    """What one process measures.

    Attributes:
        preset: model; its shipped weights, or random ones.
        backend: with `precision`, what computes it.
        size: (height, width) of the frames.
        batches: of the step times; the largest is what engines are built for.
        streams: numbers of live sessions.
        seconds: of each number.
        fps: of each session.
        device: where it runs.
    """

    preset: str
    backend: str = "eager"
    precision: str = "float32"
    size: tuple[int, int] = (480, 864)
    batches: tuple[int, ...] = (1, 4, 16)
    streams: tuple[int, ...] = (1, 8, 33)
    seconds: float = 5.0
    fps: float = 30.0
    device: str = "cuda"

    @property
    def name(self) -> str:
        """For people and for the results."""
        return f"{self.preset} {self.backend} {self.precision}"


def measure(subject: Subject, model: Any, wait: Callable[[], None]) -> dict[str, Any]:
    """Let a model run on a backend; measure it.

    Args:
        subject: what is wanted.
        model: of live frames, loaded on the device.
        wait: waits for the device.
    """
    wish = Wish(subject.backend, subject.precision, (subject.size,), max(subject.batches))
    began = time.monotonic()
    execution = accelerate(graph_of(subject.preset, model), wish)
    found: dict[str, Any] = {
        "execution": asdict(execution),
        "build_s": round(time.monotonic() - began, 1),
        "steps": {str(batch): step_times(subject, model, batch, wait) for batch in subject.batches},
        "parts": {str(batch): part_times(subject, model, batch, wait) for batch in subject.batches},
        "live": {str(count): live(subject, model, count) for count in subject.streams},
    }
    if subject.backend == "eager":
        found["profile"] = profile(subject, model)
        found["floor"] = floor(subject, model, wait)
    return found


class Sessions:
    """Some sessions of a model, each with a clip of its own that comes round again."""

    def __init__(self, subject: Subject, model: Any, count: int) -> None:
        self.model, self.numbers = model, [0] * count
        self.clips = clips(subject.size, NUM_FRAMES, count)
        self.states = [model.begin() for _ in range(count)]

    def step(self, chosen: Sequence[int]) -> None:
        """Step the next frame of some sessions together, and make all their masks."""
        frames = [self.clips[each][self.numbers[each] % NUM_FRAMES] for each in chosen]
        steps = [StepInput([f], self.states[each]) for f, each in zip(frames, chosen, strict=True)]
        for each, output in zip(chosen, self.model.step(steps), strict=True):
            self.states[each] = output.state
            self.numbers[each] += 1
            for result in output.results:
                result.masks.crops(np.arange(len(result.tracks.track_ids)), result.size)


def step_times(
    subject: Subject, model: Any, batch: int, wait: Callable[[], None]
) -> dict[str, float]:
    """Time whole steps of a batch, in milliseconds."""
    sessions, took_s = Sessions(subject, model, batch), list[float]()
    for _ in range(WARM_UP_STEPS + ROUNDS):
        wait()
        began = time.perf_counter()
        sessions.step(range(batch))
        wait()
        took_s.append(time.perf_counter() - began)
    return spread(took_s[WARM_UP_STEPS:])


def part_times(
    subject: Subject, model: Any, batch: int, wait: Callable[[], None]
) -> dict[str, dict[str, float]]:
    """Time a batch through the network (its pictures prepared too) and its tracking, in ms."""
    sessions = Sessions(subject, model, batch)
    for _ in range(NUM_FRAMES):
        sessions.step(range(batch))
    frames = [clip[0] for clip in sessions.clips]
    network_s, tracking_s = list[float](), list[float]()
    with torch.no_grad():
        for _ in range(WARM_UP_STEPS + ROUNDS):
            wait()
            began = time.perf_counter()
            prepared = model.prepare(frames)
            wait()
            between = time.perf_counter()
            model.advance(prepared, range(batch), sessions.states, [None] * batch)
            wait()
            network_s.append(between - began)
            tracking_s.append(time.perf_counter() - between)
    parts = {"network": network_s, "tracking": tracking_s}
    return {name: spread(took_s[WARM_UP_STEPS:]) for name, took_s in parts.items()}


def floor(subject: Subject, model: Any, wait: Callable[[], None]) -> dict[str, float]:
    """Return the arithmetic of a frame's network, and what the device does in products at best.

    Its floor in milliseconds is the quotient, `network_gflop / tflop_s_of_...`.
    """
    frame = clips(subject.size, 1, 1)[0][0]
    # The counter looks for gradients of what needs them, also where none are computed.
    graph_of(subject.preset, model).network.requires_grad_(False)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.prepare([frame])
    rates = {
        f"tflop_s_of_{str(dtype).rpartition('.')[2]}": _tflop_s(dtype, subject.device, wait)
        for dtype in (torch.float32, torch.bfloat16)
    }
    return {"network_gflop": round(counter.get_total_flops() / 1e9, 2), **rates}


def _tflop_s(dtype: torch.dtype, device: str, wait: Callable[[], None]) -> float:
    side = PRODUCT_SIDE if device.startswith("cuda") else PRODUCT_SIDE // 16
    one, other = torch.rand(2, side, side, device=device).to(dtype)
    took_s = list[float]()
    for _ in range(WARM_UP_STEPS + ROUNDS):
        wait()
        began = time.perf_counter()
        one @ other
        wait()
        took_s.append(time.perf_counter() - began)
    return round(2e-12 * side**3 / median(took_s[WARM_UP_STEPS:]), 3)


def live(subject: Subject, model: Any, count: int) -> dict[str, Any]:
    """Step sessions whose frames come at a pace; a frame that the next one overtakes is dropped."""
    sessions, most, period = Sessions(subject, model, count), max(subject.batches), 1 / subject.fps
    begin = time.perf_counter()
    due = [begin + period * place / count for place in range(count)]
    late_s, dropped = list[float](), 0
    while (now := time.perf_counter()) < begin + subject.seconds:
        for each in range(count):
            missed = max(0, int((now - due[each]) / period))
            dropped += missed
            due[each] += missed * period
        ready = sorted((each for each in range(count) if due[each] <= now), key=due.__getitem__)
        if not ready:
            time.sleep(max(0.0, min(due) - now))
            continue
        sessions.step(ready[:most])
        done = time.perf_counter()
        for each in ready[:most]:
            late_s.append(done - due[each])
            due[each] += period
    return {"frames": len(late_s), "dropped": dropped, "latency": spread(late_s)}


def profile(subject: Subject, model: Any) -> list[dict[str, Any]]:
    """Return the operations of three steps of one session that take the device longest."""
    sessions = Sessions(subject, model, 1)
    sessions.step([0])
    with recorder() as recorded:
        for _ in range(3):
            sessions.step([0])
    rows = sorted(recorded.key_averages(), key=_device_us, reverse=True)
    return [
        {"name": row.key, "calls": row.count, "device_ms": round(_device_us(row) / 1e3, 3)}
        for row in rows[:30]
    ]


def _device_us(row: Any) -> float:
    return float(row.self_device_time_total or row.self_cpu_time_total)


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return median, p95 and p99 in milliseconds."""
    if len(seconds) < 2:
        return {}
    parts = quantiles(seconds, n=100, method="inclusive")
    return {
        name: round(1e3 * value, 2)
        for name, value in (("p50", median(seconds)), ("p95", parts[94]), ("p99", parts[98]))
    }


def measure_alone(subject: Subject) -> dict[str, Any]:
    """Do all of a subject in this process."""
    weights = None if subject.preset == "demo" else "random"
    model = live_model(subject.preset, load_model(subject.preset, weights, subject.device))
    cuda = subject.device.startswith("cuda")
    return measure(subject, model, torch.cuda.synchronize if cuda else lambda: None)


def subject_of(fields: Mapping[str, Any]) -> Subject:
    """Return a subject from JSON, which has lists for tuples."""
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return Subject(**values)


if __name__ == "__main__":
    print(json.dumps(measure_alone(subject_of(json.loads(sys.argv[1])))))
