"""One file over HTTP into a `.part`, which a later attempt or a later command continues."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

import httpx

from maskstream_model.errors import DownloadError
from maskstream_model.weightfiles.addresses import shown
from maskstream_model.weightfiles.web import PassingError, Web

LONGEST_WAIT_S = 60.0
PARTIAL, NO_SUCH_RANGE = 206, 416
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
Result = TypeVar("Result")
Progress = Callable[[int, int | None], None]
"""Called with the bytes downloaded so far, and with the size, None where it is not known."""


@dataclass(frozen=True)
class Retries:
    """How failed attempts are repeated.

    Attributes:
        sleep: waits for so many seconds.
        say: called with a sentence before each wait.
        first_wait_s: wait after the first failure; each later one is twice as long.
    """

    sleep: Callable[[float], None]
    say: Callable[[str], None]
    first_wait_s: float = 1.0

    def run(
        self, act: Callable[[], Result], gained: Callable[[], int] = lambda: 0, attempts: int = 5
    ) -> Result:
        """Call `act` until it raises no `PassingError`, and return its result.

        Args:
            act: one attempt.
            gained: a number that changes where an attempt made progress.
            attempts: how many in a row may make no progress.

        Raises:
            DownloadError: as of `act`, or no attempt succeeded.
        """
        failures = 0
        while True:
            before = gained()
            try:
                return act()
            except PassingError as error:
                failures = 1 if gained() != before else failures + 1
                if failures >= attempts:
                    sentence = f"{error}, {failures} times in a row{error.advice}"
                    raise DownloadError(sentence) from None
                doubled_s = self.first_wait_s * 2 ** (failures - 1)
                wait_s = min(error.after_s or doubled_s, LONGEST_WAIT_S)
                self.say(f"{error}; next attempt in {wait_s:.0f} s.")
                self.sleep(wait_s)


@dataclass(frozen=True)
class Wanted:
    """A file to download.

    Attributes:
        address: where it is.
        size: its bytes exactly; None: not known.
        limit: bytes that it must not exceed where the size is not known.
    """

    address: str
    size: int | None
    limit: int

    @property
    def most(self) -> int:
        """Largest number of bytes that is accepted."""
        return self.limit if self.size is None else self.size


def download(web: Web, wanted: Wanted, part: Path, progress: Progress, retries: Retries) -> None:
    """Download a file to `part`, which may hold its beginning already.

    Raises:
        DownloadError: refused, too large, of another size than announced, or it cannot be written.
    """
    try:
        if wanted.size is None or size_of(part) != wanted.size:
            retries.run(lambda: _attempt(web, wanted, part, progress), lambda: size_of(part))
    except OSError as error:
        raise DownloadError(f"{part} cannot be written: {error.strerror or error}") from error


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def _attempt(web: Web, wanted: Wanted, part: Path, progress: Progress) -> None:
    had = size_of(part)
    headers = {"Range": f"bytes={had}-"} if had else {}
    with web.open("GET", wanted.address, headers) as response:
        if response.status_code == NO_SUCH_RANGE:
            part.unlink(missing_ok=True)
            raise PassingError("what was downloaded before is no beginning of this file")
        start, total = _extent(response, had)
        _check_size(wanted, total)
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            _receive(response, wanted, file, lambda done: progress(done, total or wanted.size))
    done, expected = size_of(part), total if wanted.size is None else wanted.size
    if expected is not None and done < expected:
        raise PassingError(f"{shown(wanted.address)} ended after {done} of {expected} bytes")


def _extent(response: httpx.Response, had: int) -> tuple[int, int | None]:
    """Return the offset of a response, and the size of the file or None."""
    if response.status_code != PARTIAL:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    found = CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if found is None or int(found[1]) != had:
        raise DownloadError(f"{shown(str(response.url))} sent another range than was asked for")
    return had, None if found[2] == "*" else int(found[2])


def _check_size(wanted: Wanted, total: int | None) -> None:
    if total is None:
        return
    if wanted.size is not None and total != wanted.size:
        raise DownloadError(
            f"{shown(wanted.address)} has {total} bytes, not the {wanted.size} that were announced"
        )
    if total > wanted.most:
        raise _too_large(wanted)


def _receive(
    response: httpx.Response, wanted: Wanted, file: BinaryIO, progress: Callable[[int], None]
) -> None:
    done = file.tell()
    progress(done)
    for chunk in response.iter_raw():
        done += len(chunk)
        if done > wanted.most:
            # Cannot be continued.
            file.truncate(0)
            raise _too_large(wanted)
        file.write(chunk)
        progress(done)


def _too_large(wanted: Wanted) -> DownloadError:
    return DownloadError(f"{shown(wanted.address)} sends more than {wanted.most} bytes")
