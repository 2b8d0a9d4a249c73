"""How many CPU threads a step should have: measured, since models and machines differ."""

from collections.abc import Callable
from typing import Final

import structlog
import torch

GAIN: Final = 1.25
"""Twice as many threads must be at least so much quicker: the cores have other work, too."""
TRIES: Final = 3
"""The first step of all sets much up."""


def choose_threads(num_threads: int | None, step_s: Callable[[], float]) -> int:
    """Set torch's threads for the calling thread and return their number.

    Args:
        num_threads: how many; None: as many as make a step quicker, up to torch's own default.
        step_s: steps once and returns the seconds that it took.
    """
    most = torch.get_num_threads()

    def measure(count: int) -> float:
        torch.set_num_threads(count)
        return min(step_s() for _ in range(TRIES))

    chosen = quickest(measure, most) if num_threads is None else num_threads
    torch.set_num_threads(chosen)
    if num_threads is None:
        structlog.get_logger(__name__).info("engine_threads", threads=chosen, most=most)
    return chosen


def quickest(measure: Callable[[int], float], most: int) -> int:
    """Return the number of threads beyond which more of them save nothing.

    Args:
        measure: seconds of a step with so many threads.
        most: never more than that.
    """
    best = 1
    best_s = measure(best) if most > 1 else 0.0
    while best < most:
        more = min(2 * best, most)
        more_s = measure(more)
        if more_s * GAIN > best_s:
            break
        best, best_s = more, more_s
    return best
