"""Decides when free memory is returned to the system, instead of the C library (glibc, Linux).

The library keeps what a flood of large frames leaves scattered between what is used. It returns
what a step of the model frees at the end of a heap, in some processes and not in others, as
addresses happen to be: the next step then faults the same pages in again (decisions/0070).
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
KEEP: Final = {-3: 32 << 20, -1: (1 << 31) - 1, -2: 64 << 20, -8: 1}
"""Options of `mallopt` by number (malloc.h), so that only a trim returns memory: the largest
`M_MMAP_THRESHOLD` that it takes, no `M_TRIM_THRESHOLD`, and an `M_TOP_PAD` of a whole heap. With an
`M_ARENA_MAX` of one, since a trim returns the end of the main heap only, not those of threads."""
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
    library = ctypes.CDLL(None)
    trim = getattr(library, "malloc_trim", None) if _STATM.exists() else None
    if trim is None:
        yield
        return
    keep_freed_memory(library.mallopt)
    ended = threading.Event()
    args = (lambda: trim(0), resident_bytes, ended)
    thread = threading.Thread(target=_keep_trimmed, args=args, name="trimming", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def keep_freed_memory(mallopt: Callable[[int, int], object]) -> None:
    """Let only trims return memory of this process to the system."""
    for option, value in KEEP.items():
        mallopt(option, value)


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
