"""What is removed without being asked for: files of cancelled videos, workplaces, strays.

A stray is a video that no record knows of. A crash may leave one; a lost or wrong store makes all
of them strays. So they go to the quarantine, a share in each pass, and come back with a record.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from maskstream_server.jobs.storage.files import VideoFiles

SHARE: Final = 10
"""At most one in so many videos goes to the quarantine in one pass, but at least one."""

log = structlog.get_logger(__name__)


def sweep(
    files: VideoFiles, known: Mapping[str, int | None], cancelled: set[str], keep_s: float
) -> None:
    """Remove what is no longer needed; blocks.

    Args:
        files: of the videos.
        known: all videos that have a record, with its fence; None where it is unreadable.
        cancelled: those whose files are no longer needed.
        keep_s: how long the quarantine keeps a video.

    Raises:
        StoreUnreachableError: the storage is away.
        OSError: the folder cannot be used now.
    """
    for video in cancelled.intersection(files.videos()):
        files.remove(video)
    files.clear_workplaces(known)
    _sweep_strays(files, known, keep_s)


def _sweep_strays(files: VideoFiles, known: Mapping[str, int | None], keep_s: float) -> None:
    quarantine = files.quarantine
    back = [video for video in quarantine.videos() if video in known]
    for video in back:
        quarantine.take_back(video)
    strays = files.strays(known)
    aside = strays[: max(1, len(files.videos()) // SHARE)]
    for video in aside:
        quarantine.put(video)
    gone = quarantine.clear(keep_s)
    if back:
        log.warning("videos_back_from_quarantine", num_videos=len(back))
    if aside:
        left = len(strays) - len(aside)
        log.warning("videos_without_record_quarantined", num_videos=len(aside), num_left=left)
    if gone:
        log.info("quarantine_cleared", num_videos=len(gone))
