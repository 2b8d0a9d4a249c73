"""CPU time and memory of a process while something runs, read from outside (Linux: /proc)."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from maskstream_client.errors import MaskstreamError

_EVERY_S: Final = 0.1
_TICKS: Final = slice(11, 15)
"""User and system time of the process and of its children that have ended, after the name."""


class ProcessMeter:
    """Samples a process and its children in a thread; a context manager.

    Args:
        pid: of the process; None measures nothing.

    Raises:
        MaskstreamError: there is no such process here.
    """

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._samples: list[tuple[int, int]] = []
        self._cpu_s = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._repeat, name="meter", daemon=True)
        if pid is not None and not Path(f"/proc/{pid}/stat").is_file():
            raise MaskstreamError(f"There is no process {pid} whose numbers can be read.")

    def __enter__(self) -> Self:
        if self._pid is not None:
            self._cpu_s -= _process_s(self._pid)
            self.sample()
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pid is not None:
            self._ended.set()
            self._thread.join()
            self.sample()
            self._cpu_s += _process_s(self._pid)

    def sample(self) -> None:
        """Note the memory in use now."""
        if self._pid is not None:
            children = sum(map(resident_bytes, _children(self._pid)))
            self._samples.append((resident_bytes(self._pid), children))

    def report(self) -> dict[str, Any] | None:
        """Seconds of computing, and MiB over time; None without a process."""
        if self._pid is None:
            return None
        own = [round(sample[0] / 2**20, 1) for sample in self._samples]
        half = len(own) // 2
        return {
            "cpu_s": round(self._cpu_s, 3),
            "memory_mib": {
                "first": own[0],
                "middle": own[half],
                "last": own[-1],
                "max": max(own),
                "growth_in_second_half": round(max(own[half:]) - max(own[: half or 1]), 1),
                "children_max": round(max(sample[1] for sample in self._samples) / 2**20, 1),
            },
        }

    def _repeat(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self.sample()


def cpu_s(work: Callable[[], object]) -> float:
    """Return the seconds of computing of this thread that some work takes."""
    began_s = time.thread_time()
    work()
    return time.thread_time() - began_s


def resident_bytes(pid: int) -> int:
    """Return the bytes of a process that are in memory; 0 where it is gone."""
    with suppress(OSError, IndexError):
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _children(pid: int) -> list[int]:
    found = list[int]()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, task.read_text().split())
    return found


def _process_s(pid: int) -> float:
    """Return the seconds that a process has computed; 0 where it is gone."""
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[_TICKS])) / os.sysconf("SC_CLK_TCK")
    return 0.0
