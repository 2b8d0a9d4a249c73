"""CPU time and memory of a server's process, read from outside (Linux: /proc)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from maskstream_client.errors import MaskstreamError


class ProcessMeter:
    """Measures one process; without a pid it measures nothing.

    Raises:
        MaskstreamError: there is no such process here.
    """

    def __init__(self, pid: int | None) -> None:
        self._folder = None if pid is None else Path("/proc") / str(pid)
        self._memory_bytes: list[int] = []
        self._start_cpu_s = 0.0
        if self._folder is not None and not (self._folder / "stat").is_file():
            raise MaskstreamError(f"There is no process {pid} whose numbers can be read.")

    def start(self) -> None:
        """Begin to count."""
        self._start_cpu_s = self._cpu_s()
        self.sample()

    def sample(self) -> None:
        """Note the memory in use now."""
        if self._folder is not None:
            pages = int((self._folder / "statm").read_text().split()[1])
            self._memory_bytes.append(pages * os.sysconf("SC_PAGE_SIZE"))

    def report(self, num_frames: int) -> dict[str, Any] | None:
        """CPU per frame and how memory went; None without a process."""
        if self._folder is None:
            return None
        self.sample()
        cpu_s = self._cpu_s() - self._start_cpu_s
        half = len(self._memory_bytes) // 2
        mib = [each / 2**20 for each in self._memory_bytes]
        return {
            "cpu_s": round(cpu_s, 2),
            "cpu_ms_per_frame": round(cpu_s * 1000 / num_frames, 3) if num_frames else None,
            "memory_mib": {
                "first": round(mib[0], 1),
                "middle": round(mib[half], 1),
                "last": round(mib[-1], 1),
                "largest": round(max(mib), 1),
            },
        }

    def _cpu_s(self) -> float:
        """Seconds in user and kernel mode of all its threads."""
        if self._folder is None:
            return 0.0
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
