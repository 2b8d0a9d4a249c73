"""The server's side of one decoding process: start it, ask it, replace it where it fails."""

import signal
import subprocess
from collections.abc import Callable
from typing import Final, Literal

import numpy as np

from maskstream_model.aliases import Frame
from maskstream_protocol.frames import FrameCodec
from maskstream_server.media.channel import Channel
from maskstream_server.media.child_process import start_child
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.messages import MAX_TEXT_BYTES, REPLY, REQUEST, Asked, ReplyKind
from maskstream_server.pictures.refusal import TooLargeError, UndecodableError

Death = Literal["deadline", "crash"]

_MODULE: Final = "maskstream_server.pictures.child"
_START_S: Final = 60.0
_GRACE_S: Final = 1.0
"""The process' own alarm counts its computing; this much after the deadline by the clock it is
killed from outside, whatever it waits for."""
_VARIABLES: Final = {
    # numpy's library for matrices would reserve address space for each core.
    "OPENBLAS_NUM_THREADS": "1",
    # The memory of common pictures is kept for the next one, that of large ones given back.
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(16 << 20),
}


class WorkerDiedError(UndecodableError):
    """The process did not survive the picture.

    Attributes:
        cause: `deadline` or `crash`.
    """

    def __init__(self, cause: Death, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


class PictureWorker:
    """A process that decodes one picture at a time; used by one thread at a time."""

    def __init__(
        self, limits: PictureLimits, clock: Callable[[], float], module: str | None = None
    ) -> None:
        """Prepare one; `module`: what the process runs, None for the decoder of pictures."""
        self._limits = limits
        self._clock = clock
        self._module = module or _MODULE
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process; None where there is none, until `start`."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Start a process in place of one that has ended, and wait until it takes pictures.

        Raises:
            OSError: none can be started, or it ended at once.
        """
        self.close()
        limits = self._limits.encode()
        self._process = start_child(self._module, limits, subprocess.PIPE, _VARIABLES)
        self._channel = Channel(self._process, self._clock)
        try:
            kind, *_ = self._reply(self._clock() + _START_S)
            if kind != ReplyKind.READY:
                raise ValueError(f"{kind.name} before the first request")
        except (OSError, EOFError, ValueError) as error:
            self._end(self._process)
            raise OSError("a decoding process did not come up") from error

    def decode(
        self, codec: FrameCodec, payload: bytes | memoryview, asked: Asked = Asked.ALONE
    ) -> Frame:
        """Decode one picture; there must be a process. One that is not wanted has no pixels.

        Raises:
            TooLargeError: more pixels than the limits; nothing has been decoded.
            WorkerDiedError: there is no process any more.
            UndecodableError: the picture is broken, or over another limit.
        """
        until_s = self._clock() + self._limits.deadline_s + _GRACE_S
        try:
            self._channel.send(REQUEST.pack(codec, asked, len(payload)), until_s)
            self._channel.send(payload, until_s)
            return self._picture(asked, until_s)
        except (TooLargeError, UndecodableError):
            raise
        except (OSError, EOFError, ValueError) as error:
            raise self._died(error) from error

    def kill(self) -> None:
        """End the process; who waits for it notices. Any thread may call this."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process and leave nothing of it behind."""
        if self._process is not None:
            self._end(self._process)

    def _picture(self, asked: Asked, until_s: float) -> Frame:
        """Read the answer to a request; what no honest process would say is a ValueError."""
        kind, height, width = self._reply(until_s)
        if kind == ReplyKind.UNDECODABLE and height <= MAX_TEXT_BYTES:
            raise UndecodableError(self._channel.read(height, until_s).decode(errors="replace"))
        if kind == ReplyKind.DECODED and Asked.UNSEEN in asked:
            return np.empty((0, 0, 3), np.uint8)
        fits = max(height, width) <= self._limits.max_side_px
        fits = fits and 0 < height * width <= self._limits.max_pixels
        if kind == ReplyKind.TOO_LARGE and not fits:
            raise TooLargeError((height, width))
        if kind != ReplyKind.PICTURE or not fits:
            raise ValueError(f"{kind.name} of {height} and {width}")
        pixels = np.empty((height, width, 3), np.uint8)
        self._channel.fill(pixels.data.cast("B"), until_s)
        return pixels

    def _reply(self, until_s: float) -> tuple[ReplyKind, int, int]:
        kind, first, second = REPLY.unpack(self._channel.read(REPLY.size, until_s))
        return ReplyKind(kind), first, second

    def _died(self, error: Exception) -> WorkerDiedError:
        """Return what to say of a process that has failed, and end what is left of it."""
        assert self._process is not None
        status = self._end(self._process)
        if isinstance(error, TimeoutError) or status == -signal.SIGPROF:
            limit_s = self._limits.deadline_s
            sentence = f"The picture could not be decoded within {limit_s:g} seconds."
            return WorkerDiedError("deadline", sentence)
        return WorkerDiedError("crash", "The decoder broke down over the picture.")

    def _end(self, process: "subprocess.Popen[bytes]") -> int:
        process.kill()
        self._channel.close()
        self._process = None
        return process.wait()
