"""How much memory this process and its children take while something runs (Linux)."""

import os
import threading
from pathlib import Path
from typing import Any, Final, Self

MIB: Final = 1 << 20
SAMPLE_S: Final = 0.1


class MemoryMeter:
    """Samples resident memory in a thread; a context manager."""

    def __init__(self) -> None:
        self._samples: list[tuple[int, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memory-meter", daemon=True)

    def __enter__(self) -> Self:
        self._samples.append((_resident(os.getpid()), 0))
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def report(self) -> dict[str, Any]:
        """Return MiB: before, how much more at most, its growth in the second half, children."""
        own = [sample[0] for sample in self._samples]
        half = len(own) // 2
        growth = max(own[half:]) - max(own[: half or 1])
        return {
            "memory_before_mib": round(own[0] / MIB, 1),
            "memory_peak_above_mib": round((max(own) - own[0]) / MIB, 1),
            "memory_growth_in_second_half_mib": round(growth / MIB, 1),
            "children_peak_mib": round(max(sample[1] for sample in self._samples) / MIB, 1),
        }

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            self._samples.append((_resident(os.getpid()), sum(map(_resident, _children()))))


def _resident(pid: int) -> int:
    """Return the bytes of a process that are in memory; 0 where it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _children() -> list[int]:
    found = []
    for task in Path("/proc/self/task").iterdir():
        try:
            found += [int(pid) for pid in (task / "children").read_text().split()]
        except OSError:
            continue
    return found
