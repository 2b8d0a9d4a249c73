"""The folder of whole videos: whether it exists, is writable and has free space."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from maskstream_server.doctor.finding import Finding

NAME = "data folder"
GIB = 1 << 30


def check_folder(folder: Path | None, store: str, min_free_bytes: int) -> Sequence[Finding]:
    """Check the folder that servers and workers share, if the settings need one."""
    if folder is None and store != "memory":
        advice = "Set MASKSTREAM_DATA_FOLDER, the same for all, or whole videos are refused."
        return [Finding(NAME, "warning", "none: with a Redis it must be named", advice)]
    place = folder or Path(tempfile.gettempdir())
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"doctor")
            os.fsync(file.fileno())
    except OSError as error:
        advice = "Let the server's user write there, or name another MASKSTREAM_DATA_FOLDER."
        return [Finding(NAME, "failed", f"{place}: {error.strerror}", advice)]
    free_bytes = shutil.disk_usage(place).free
    text = f"{place}, {free_bytes / GIB:.1f} GiB free"
    if free_bytes < min_free_bytes:
        advice = "Uploads are refused until MASKSTREAM_MIN_FREE_BYTES are free: delete videos."
        return [Finding(NAME, "failed", text, advice)]
    return [Finding(NAME, "ok", text)]
