"""The pipes to a child process, with a deadline for each transfer."""

import fcntl
import os
import select
from collections.abc import Callable
from contextlib import suppress
from subprocess import Popen
from typing import IO, Final

_PIPE_BYTES: Final = 1 << 20


class Channel:
    """The stdout of a process and, if it is a pipe, its stdin."""

    def __init__(self, process: "Popen[bytes]", clock: Callable[[], float]) -> None:
        assert process.stdout is not None
        self._in, self._out, self._clock = process.stdin, process.stdout, clock
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(_widened(self._out), select.POLLIN)
        if self._in is not None:
            # A process that does not read must not block the writer.
            os.set_blocking(self._in.fileno(), False)
            self._writable.register(_widened(self._in), select.POLLOUT)

    def send(self, data: bytes | memoryview, until_s: float) -> None:
        """Write all of `data`.

        Raises:
            TimeoutError: the process does not read.
            BrokenPipeError: it is at an end.
        """
        assert self._in is not None
        left = memoryview(data)
        while left:
            self._wait(self._writable, until_s)
            left = left[os.write(self._in.fileno(), left) :]

    def read(self, num_bytes: int, until_s: float) -> bytes:
        """Read exactly so many bytes; see `fill`."""
        data = bytearray(num_bytes)
        self.fill(memoryview(data), until_s)
        return bytes(data)

    def fill(self, view: memoryview, until_s: float) -> None:
        """Fill a writable view of bytes.

        Raises:
            TimeoutError: the process does not write.
            EOFError: it is at an end.
        """
        while view:
            self._wait(self._readable, until_s)
            num_read = os.readv(self._out.fileno(), [view])
            if num_read == 0:
                raise EOFError
            view = view[num_read:]

    def close(self) -> None:
        """Close the pipes."""
        self._out.close()
        if self._in is not None:
            self._in.close()

    def _wait(self, poll: select.poll, until_s: float) -> None:
        left_s = until_s - self._clock()
        if left_s <= 0 or not poll.poll(1000 * left_s):
            raise TimeoutError


def _widened(pipe: IO[bytes]) -> IO[bytes]:
    """Enlarge a pipe's buffer: Linux only, and within the user's limit."""
    with suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return pipe
