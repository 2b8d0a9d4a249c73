"""What a desk of videos needs beside its store and files."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from maskstream_server.outbound.rules import HostRules

NOWHERE = HostRules((), (), "X")


@dataclass
class QueueOfNames:
    """A queue that nobody takes from."""

    waiting: list[str] = field(default_factory=list)

    async def enqueue(self, video: str) -> None:
        self.waiting.append(video)

    async def cancel(self, video: str) -> None:
        self.waiting.remove(video)


def age_files(root: Path, seconds: float) -> None:
    """Let time pass for every file and folder."""
    for folder, _, names in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            then_s = os.stat(path).st_mtime - seconds
            os.utime(path, (then_s, then_s))
