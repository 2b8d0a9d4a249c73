"""What only the disk can say: that something is on it, and what time it dates its files by."""

import errno
import os
from pathlib import Path


def sync(path: Path) -> None:
    """Bring a file to the disk, or the names in a folder: a name that is new or moved needs that.

    Raises:
        OSError: it is not there, or cannot be written.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems take no folders here; they write names at once.
        if error.errno != errno.EINVAL or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def disk_time_s(probe: Path) -> float:
    """Return the Unix time by the clock that dates the files, which may be another machine's.

    Args:
        probe: a file beside them, made where it is not there; dated anew.

    Raises:
        OSError: nothing can be written there.
    """
    probe.touch()
    return probe.stat().st_mtime
