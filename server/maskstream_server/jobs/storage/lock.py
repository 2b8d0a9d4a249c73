"""A lock on a folder of videos, which only processes that share a store may use together."""

import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from maskstream_server.errors import StartError

LOCK: Final = ".lock"
"""No id is like that."""
ADVICE: Final = "name another folder, or one Redis (MASKSTREAM_STORE) for both"


def hold_folder(root: Path, *, alone: bool) -> Callable[[], None]:
    """Lock a folder until this process ends, however it does.

    One that cannot be written now, or has no locks, is used without: nothing can be removed there,
    or nobody can know.

    Args:
        root: the folder.
        alone: whether the records are in this process, where no other can read them.

    Returns:
        what lets it go.

    Raises:
        StartError: a process with other records uses it.
    """
    try:
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        return _without(error)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        other = "another server" if alone else "a server without a Redis"
        raise StartError(f"MASKSTREAM_DATA_FOLDER is used by {other}: {ADVICE}.") from None
    except OSError as error:
        os.close(descriptor)
        return _without(error)
    return partial(os.close, descriptor)


def _without(error: OSError) -> Callable[[], None]:
    structlog.get_logger(__name__).warning("folder_not_locked", reason=error.strerror)
    return lambda: None
