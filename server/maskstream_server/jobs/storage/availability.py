"""Whether the folder of videos can be used now.

A folder may be away for a while: not mounted, read-only after a fault, replaced. Nothing is made in
its place, since that would fill the disk beneath. Where anything fails with a file, a check of the
folder finds out whether that is why.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any, Final, TypeVar, cast

from maskstream_server.errors import FolderAwayError, VideoError
from maskstream_server.jobs.storage.files import FULL, VideoFiles

PROBE_S: Final = 2.0

Method = TypeVar("Method", bound=Callable[..., Awaitable[Any]])


def check_usable(files: VideoFiles) -> None:
    """Check that something can be written; a full disk is another matter. Blocks.

    Raises:
        FolderAwayError: the folder is gone, read-only, or broken.
    """
    try:
        with tempfile.TemporaryFile(dir=files.landing):
            pass
    except OSError as error:
        if error.errno not in FULL:
            raise FolderAwayError(error.strerror or "no reason given") from error


def checks_folder(method: Method) -> Method:
    """Decorate a method of an object with `files`: failures of the folder are `FolderAwayError`."""

    @wraps(method)
    async def checked(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            return await method(self, *args, **kwargs)
        except (OSError, VideoError):
            await asyncio.to_thread(check_usable, self.files)
            raise

    return cast(Method, checked)


class FolderProbe:
    """Says whether a folder can be used; one check at a time, since a network may hang.

    Args:
        files: in the folder.
        within_s: a check that takes longer has failed.
    """

    def __init__(self, files: VideoFiles, within_s: float = PROBE_S) -> None:
        self._files, self._within_s = files, within_s
        self._checking: asyncio.Task[bool] | None = None

    async def usable(self) -> bool:
        """Return whether it can be used now."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(asyncio.to_thread(self._check))
        done, _ = await asyncio.wait([self._checking], timeout=self._within_s)
        return bool(done) and self._checking.result()

    def _check(self) -> bool:
        try:
            check_usable(self._files)
        except FolderAwayError:
            return False
        return True
