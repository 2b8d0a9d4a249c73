"""Flushes files to the disk."""

import errno
import os
from pathlib import Path


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, after one was created or moved.

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
