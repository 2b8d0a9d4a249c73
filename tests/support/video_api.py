"""An API of videos around a store and files, without workers."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.intake.intake import Intake
from maskstream_server.jobs.intake.resumable import ResumableUploads
from maskstream_server.jobs.maintenance.maintenance import Maintenance, Retention
from maskstream_server.jobs.maintenance.ownership import Ownership
from maskstream_server.jobs.records.store import VideoStore
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.outbound.rules import HostRules
from support.fake_model import fake_info

NOWHERE = HostRules((), (), "X")


@dataclass
class QueueOfNames:
    """A queue that nobody takes from."""

    waiting: list[str] = field(default_factory=list)

    async def enqueue(self, video: str) -> None:
        self.waiting.append(video)

    async def cancel(self, video: str) -> None:
        self.waiting.remove(video)


def open_api(
    store: VideoStore,
    files: VideoFiles,
    retention: Retention,
    now_s: Callable[[], float] = time.time,
) -> VideoApi:
    """An API whose queue nobody takes from."""
    uploads = ResumableUploads(
        files, 1 << 20, retention.upload_s, retention.unbegun_upload_s, now_s=now_s
    )
    maintenance = Maintenance(
        store, QueueOfNames(), files, Ownership(store, files), retention, lambda video: None, now_s
    )
    intake = Intake(
        files, uploads, NOWHERE, NOWHERE, fake_info("demo"), False, 1 << 20, now_s=now_s
    )
    return VideoApi(maintenance, intake)


def age_files(root: Path, seconds: float) -> None:
    """Let time pass for every file and folder."""
    for folder, _, names in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            then_s = os.stat(path).st_mtime - seconds
            os.utime(path, (then_s, then_s))
