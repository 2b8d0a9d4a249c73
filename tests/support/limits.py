"""Ends what would hang: a test that fails says more than one that never ends."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

LIMIT_S = 300.0
"""For each phase of a test; far beyond the longest on a machine that is busy otherwise."""
AGAIN_S = 2.0


@contextmanager
def no_longer_than(limit_s: float = LIMIT_S) -> Iterator[None]:
    """Fail in the main thread after so long, whether it loops, waits in a loop of events or joins.

    A background task or a bare `except` may take the failure for its own, so that it comes again
    until the block ends.
    """

    def fail(number: int, frame: Any) -> None:
        pytest.fail(f"It has not ended within {limit_s:g} s.")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, limit_s, min(limit_s, AGAIN_S))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
