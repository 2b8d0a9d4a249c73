"""Two pipes to a process, on which every transfer must be done by some time."""

import fcntl
import os
import select
from collections.abc import Callable
from contextlib import suppress
from subprocess import Popen
from typing import Final

_PIPE_BYTES: Final = 1 << 20


class Channel:
    """What goes to a process' stdin and comes from its stdout; both must be pipes."""

    def __init__(self, process: "Popen[bytes]", clock: Callable[[], float]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out, self._clock = process.stdin, process.stdout, clock
        # A process that does not read must not hold the writer up.
        os.set_blocking(self._in.fileno(), False)
        for pipe in (self._in, self._out):
            with suppress(OSError, AttributeError):
                # Linux only, and over a user's share of pipe memory not even there.
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self._out, select.POLLIN)
        self._writable.register(self._in, select.POLLOUT)

    def send(self, data: bytes | memoryview, until_s: float) -> None:
        """Write all of `data`.

        Raises:
            TimeoutError: the process does not read.
            BrokenPipeError: it is at an end.
        """
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
        """Close both pipes."""
        self._in.close()
        self._out.close()

    def _wait(self, poll: select.poll, until_s: float) -> None:
        left_s = until_s - self._clock()
        if left_s <= 0 or not poll.poll(1000 * left_s):
            raise TimeoutError
