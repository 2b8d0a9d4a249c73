"""What a disk would have after a power cut: only what was brought to it by `fsync`.

disk = Disk(monkeypatch)
...                                   # real files, real calls
disk.left(folder, "a", "source")      # bytes, or None where the file or a name on its way is not
"""

import os
import stat
from pathlib import Path

import pytest


class Disk:
    """Watches every `os.fsync` of this process; what it was called for is on the disk.

    Names are on it from the `fsync` of their folder on, bytes from that of their file on.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bytes: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self._watched)

    def left(self, folder: Path, *names: str) -> bytes | None:
        """Bytes of a file below `folder`, which is taken to be on the disk."""
        number: int | None = folder.stat().st_ino
        for name in names:
            number = self._names.get(number or 0, {}).get(name)
        return self._bytes.get(number or 0)

    def _watched(self, descriptor: int) -> None:
        self._fsync(descriptor)
        number = os.fstat(descriptor).st_ino
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            with os.scandir(descriptor) as entries:
                self._names[number] = {entry.name: entry.inode() for entry in entries}
        else:
            self._bytes[number] = Path(f"/proc/self/fd/{descriptor}").read_bytes()
