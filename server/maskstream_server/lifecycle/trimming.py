"""Gives memory back to the system that work has left behind; the C library keeps it otherwise.

What a flood of large frames leaves is free, but lies between what is used (glibc, Linux).
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOK_S: Final = 2.0
GAP_S, MAX_GAP_S = 5.0, 30.0
"""From one trim to the next: the first ones of a flood find memory still in use, and a trim of a
large heap takes up to 70 ms, in which who allocates may wait."""
SLACK_BYTES: Final = 48 << 20
_STATM: Final = Path("/proc/self/statm")


@dataclass
class TrimRule:
    """Says when to trim: while more is resident than once was enough, ever more seldom.

    Attributes:
        least_bytes: resident at first, or after the trim that left least.
        next_s: no trim before this time.
        gap_s: from the next trim to the one after it.
    """

    least_bytes: int
    next_s: float = 0.0
    gap_s: float = GAP_S

    def due(self, resident_bytes: int, now_s: float) -> bool:
        """Return whether to trim now."""
        if resident_bytes <= self.least_bytes + SLACK_BYTES:
            self.gap_s = GAP_S
            return False
        return now_s >= self.next_s

    def trimmed(self, resident_bytes: int, now_s: float) -> None:
        """Take note of a trim that has been made, and of what it has left."""
        self.least_bytes = min(self.least_bytes, resident_bytes)
        self.next_s = now_s + self.gap_s
        self.gap_s = min(2 * self.gap_s, MAX_GAP_S)


@contextmanager
def trimmed_memory() -> Iterator[None]:
    """Trim the memory of this process in a thread, while the block runs; nothing without glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if _STATM.exists() else None
    if trim is None:
        yield
        return
    ended = threading.Event()
    args = (lambda: trim(0), resident_bytes, ended)
    thread = threading.Thread(target=_keep_trimmed, args=args, name="trimming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def resident_bytes() -> int:
    """Return the bytes that this process has in memory (Linux)."""
    return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _keep_trimmed(
    trim: Callable[[], object], resident: Callable[[], int], ended: threading.Event
) -> None:
    rule = TrimRule(resident())
    while not ended.wait(LOOK_S):
        if rule.due(resident(), time.monotonic()):
            trim()
            rule.trimmed(resident(), time.monotonic())
