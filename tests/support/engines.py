"""Engines on fake models, stopped after the test."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable

import numpy as np
import pytest

from maskstream_model.aliases import Frame
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import (
    EngineLimits,
    EngineRequest,
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
        await engine.stop(timeout_s=5)


def picture(value: int = 0, size: tuple[int, int] = (64, 96)) -> Frame:
    """A dark frame with a bright rectangle of 16 x 32; `value` marks its first pixel."""
    frame = np.zeros((*size, 3), np.uint8)
    frame[16:32, 32:64] = 255
    frame[0, 0] = value
    return frame


def request(session: str = "a", state=None, value: int = 0, **changes) -> EngineRequest:
    return EngineRequest(session, picture(value), state, **changes)
