"""Brings files to the disk."""

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
