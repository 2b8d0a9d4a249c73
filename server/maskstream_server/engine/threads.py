"""How many CPU threads a step should have: measured, since models and machines differ."""

from collections import deque
from collections.abc import Callable, Hashable
from statistics import median
from typing import Final

import structlog
import torch

from maskstream_server.errors import EngineError

GAIN: Final = 1.25
"""Twice as many threads must be at least so much quicker: the cores have other work, too."""
TRIES: Final = 3
"""The first step of all sets much up."""
SLOW: Final = 3.0
"""Steps that take so many times their median are slow."""
MANY: Final = 8
"""So many slow steps in a row are no accident; and so many make a median."""
REMEMBERED: Final = 64
"""Steps of a kind that the median is of, and kinds of steps."""


class EngineThreads:
    """Chooses the number of threads at the start, and again where steps have become slow.

    What other work a machine has may change, and with it what number is best. Of one thread, the
    engine's.

    Args:
        num_threads: how many; None: as many as make a step quicker.
        step_s: steps once and returns the seconds that it took.
    """

    def __init__(self, num_threads: int | None, step_s: Callable[[], float]) -> None:
        self._num_threads = num_threads
        self._step_s = step_s
        self._most = 0
        self._slowness = Slowness()
        self._are_slow = False

    def choose(self) -> int:
        """Set torch's threads for the calling thread and return their number."""
        self._most = self._most or torch.get_num_threads()
        torch.set_num_threads(self._most)
        return choose_threads(self._num_threads, self._step_s)

    def stepped(self, kind: Hashable, took_s: float) -> None:
        """Count a step; see `Slowness.add`."""
        if self._num_threads is None and self._most > 1:
            self._are_slow |= self._slowness.add(kind, took_s)

    def choose_again(self) -> None:
        """Do so where steps have become slow; where the model fails, the number stays."""
        if not self._are_slow:
            return
        self._are_slow, before = False, torch.get_num_threads()
        try:
            self.choose()
        except EngineError:
            torch.set_num_threads(before)


class Slowness:
    """Notices when steps have become slow, and stay so."""

    def __init__(self) -> None:
        self._took_s: dict[Hashable, deque[float]] = {}
        self._slow_in_a_row = 0

    def add(self, kind: Hashable, took_s: float) -> bool:
        """Count a step and return whether steps are slow now; all is forgotten then.

        Args:
            kind: what steps that should take equally long have in common.
            took_s: seconds.
        """
        if kind not in self._took_s and len(self._took_s) == REMEMBERED:
            self._took_s.clear()
        usual = self._took_s.setdefault(kind, deque(maxlen=REMEMBERED))
        if len(usual) < MANY or took_s <= SLOW * median(usual):
            usual.append(took_s)
            self._slow_in_a_row = 0
            return False
        self._slow_in_a_row += 1
        if self._slow_in_a_row < MANY:
            return False
        self._took_s.clear()
        self._slow_in_a_row = 0
        return True


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
