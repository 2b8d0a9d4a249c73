"""Records and files of videos: whether those that the settings name belong together."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from maskstream_server.config.settings import Settings
from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import StartError, StoreUnreachableError
from maskstream_server.jobs.maintenance.ownership import ADVICE, Ownership
from maskstream_server.jobs.storage.files import VideoFiles
from maskstream_server.lifecycle.videos import open_files, open_store, videos_folder

NAME = "records"


def check_ownership(settings: Settings, *, adopt: bool) -> Sequence[Finding]:
    """Look at the store and the folder or bucket that the settings name.

    Args:
        settings: without a folder and a bucket nothing is found.
        adopt: whether they are to belong together from now on, whatever they hold.
    """
    folder = settings.data_folder
    if folder is None and settings.bucket is None:
        return []
    with tempfile.TemporaryDirectory() as nowhere:
        root = Path(nowhere) if folder is None else videos_folder(folder)
        try:
            return [asyncio.run(_look(settings, open_files(settings, root), adopt))]
        except (StoreUnreachableError, StartError) as error:
            reason = str(error).rstrip(".")
            return [Finding(NAME, "failed", f"cannot be compared: {reason}", "See above.")]


async def _look(settings: Settings, files: VideoFiles, adopt: bool) -> Finding:
    store = open_store(settings)
    try:
        ownership = Ownership(store, files)
        if adopt:
            await ownership.adopt()
        mismatch = await ownership.find_mismatch()
        num_videos = len(await asyncio.to_thread(files.videos))
        num_aside = len(await asyncio.to_thread(files.quarantine.videos))
    finally:
        await store.close()
    text = f"{num_videos} videos with files, {num_aside} in quarantine"
    if mismatch is not None:
        return Finding(NAME, "failed", f"{mismatch.rstrip('.')} ({text})", ADVICE)
    return Finding(NAME, "ok", f"belong together: {text}")
