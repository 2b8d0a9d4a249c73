"""Engines on fake models, stopped after the test."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from maskstream_model.aliases import Frame
from maskstream_model.port import StepInput, TrackTable
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import EngineLimits, StepTimes
from maskstream_server.session.reporting import (
    ReportedFrame,
    ResultOptions,
    StepReport,
    StepReporter,
)

LIMITS = EngineLimits(window_s=0.05, warm_up_sizes=())
StartEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def start() -> AsyncIterator[StartEngine]:
    """Starts engines, and stops them after the test."""
    engines: list[Engine] = []

    async def start_engine(
        model, limits: EngineLimits = LIMITS, observer=None, clock=time.monotonic
    ) -> Engine:
        engine = Engine(model, limits, observer, clock)
        engines.append(engine)
        await engine.start()
        return engine

    yield start_engine
    for engine in engines:
        await engine.stop(timeout_s=60)


def picture(value: int = 0, size: tuple[int, int] = (64, 96)) -> Frame:
    """A dark frame with a bright rectangle of 16 x 32; `value` marks its first pixel."""
    frame = np.zeros((*size, 3), np.uint8)
    frame[16:32, 32:64] = 255
    frame[0, 0] = value
    return frame


@dataclass(frozen=True)
class Stepped:
    """What the engine gave for a request: its report and its times."""

    report: StepReport
    times: StepTimes

    @property
    def frame(self) -> ReportedFrame:
        (frame,) = self.report.frames
        return frame

    @property
    def tracks(self) -> TrackTable:
        return self.frame.tracks

    @property
    def state(self) -> Any:
        return self.report.state


async def submit(
    engine: Engine,
    session: str = "a",
    state: Any = None,
    value: int = 0,
    frame: Frame | None = None,
    mentioned: frozenset[int] = frozenset(),
    **wanted: Any,
) -> Stepped:
    """Step a live frame; `wanted` are fields of `ResultOptions`."""
    picture_of = picture(value) if frame is None else frame
    step = StepInput([picture_of], engine.model.begin() if state is None else state)
    del frame, picture_of  # who waits holds no frame
    read = StepReporter(engine.model, ResultOptions(**wanted), mentioned)
    return Stepped(*await engine.submit(session, step, read))


async def submit_clip(
    engine: Engine,
    frames: Sequence[Frame],
    session: str = "a",
    state: Any = None,
    mentioned: frozenset[int] = frozenset(),
    every: int = 1,
) -> Stepped:
    """Step frames of a whole video."""
    step = StepInput(frames, engine.model.begin() if state is None else state)
    read = StepReporter(engine.model, ResultOptions(), mentioned, every=every)
    return Stepped(*await engine.submit_clip(session, engine.model, step, read))
