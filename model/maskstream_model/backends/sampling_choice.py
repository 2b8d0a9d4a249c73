"""How deformable attention samples in an exported graph, as the compiler of a backend needs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

GRID_SAMPLE: Final = ContextVar("grid_sample", default=False)
"""Whether an exported graph may hold `grid_sample`: TensorRT is known to get it wrong, and OpenVINO
has a kernel of its own for it, where its reads by `gather` take several times as long."""


@contextmanager
def grid_sample_allowed(allowed: bool) -> Iterator[None]:
    """Set `GRID_SAMPLE` while a graph is captured."""
    token = GRID_SAMPLE.set(allowed)
    try:
        yield
    finally:
        GRID_SAMPLE.reset(token)
