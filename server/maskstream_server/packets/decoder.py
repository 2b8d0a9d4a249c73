"""The units of one session to pictures: in order, by a process that its first unit starts."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import structlog

from maskstream_model.aliases import Frame
from maskstream_protocol.errors import NeedKeyframeError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.messages import Asked
from maskstream_server.pictures.worker import Death, PictureWorker, WorkerDiedError

_MODULE: Final = "maskstream_server.packets.child"


class PacketDecoder:
    """Decodes what comes in order of the calls; nothing of it is shared with other sessions.

    Args:
        limits: of one unit.
        died: called on a thread of its own where a unit has ended the process.
        count: called with 1 at the first unit, and then with -1 at the end.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        limits: PictureLimits,
        died: Callable[[Death], None],
        count: Callable[[int], None],
        clock: Callable[[], float],
    ) -> None:
        self._worker = PictureWorker(limits, clock, _MODULE)
        self._died = died
        self._count = count
        self._thread = ThreadPoolExecutor(1, "packets")
        self._next: tuple[int, int] | None = None
        self._used = self._closed = False

    @property
    def pid(self) -> int | None:
        """Of the process; None where there is none now."""
        return self._worker.pid

    async def decode(self, unit: FrameMessage) -> Frame:
        """Decode a unit; one for the decoder only gives a picture without pixels.

        Raises:
            NeedKeyframeError: it cannot be decoded from here.
            TooLargeError: more pixels than the limits.
            UndecodableError: broken, over another limit, or the end of the process.
            OSError: no process can be started.
        """
        if not self._used:
            self._used = True
            self._count(1)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._decode, unit)

    def close(self) -> None:
        """End the process, and what waits for it; returns at once."""
        self._closed = True
        if self._used:
            self._count(-1)
            self._worker.kill()
            self._thread.submit(self._worker.close)
        self._thread.shutdown(wait=False)

    def _decode(self, unit: FrameMessage) -> Frame:
        """Any unit that fails breaks the chain: the next that can be decoded begins a new one."""
        continues = self._next == (unit.codec, unit.sequence) and self._worker.pid is not None
        self._next = None
        if self._closed or not (continues or unit.key_frame):
            raise NeedKeyframeError(
                "The unit does not follow one that was decoded: send a key frame."
            )
        if self._worker.pid is None:
            self._worker.start()
        asked = Asked.BEGINS * (not continues) | Asked.UNSEEN * unit.decoder_only
        try:
            picture = self._worker.decode(FrameCodec(unit.codec), unit.payload, Asked(asked))
        except WorkerDiedError as death:
            if not self._closed:
                self._died(death.cause)
                structlog.get_logger(__name__).warning("decoder_died", cause=death.cause)
            raise
        self._next = unit.codec, unit.sequence + 1
        return picture
