"""The frames of one source as units of a packet codec; one place where they are encoded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from typing import Final

from maskstream_client.pictures import PacketCodec, Picture, check_codec, encode_picture
from maskstream_client.session import ClientSession
from maskstream_client.stream_options import StreamOptions
from maskstream_client.video import VideoFrame
from maskstream_media.unit_encoder import Unit, UnitEncoder
from maskstream_protocol.frames import FrameCodec

KEY_EVERY_S: Final = 2.0
"""A client keeps and sends again what goes back to the last key frame (docs/protocol.md 10)."""


@asynccontextmanager
async def encoder_of(
    codec: PacketCodec | None,
    options: StreamOptions,
    session: ClientSession,
    clock: Callable[[], float],
) -> AsyncIterator[Callable[[VideoFrame], Picture]]:
    """What encodes the frames of one source for a session, in their order; None: as pictures.

    Units that a file holds in this codec are passed on as they are, where a server can decode them
    one by one (`maskstream_media.file_units`) and a key frame comes every two seconds.

    Raises:
        CodecUnsupportedError: the server does not take the codec.
        ValueError: it cannot be encoded here.
    """
    if codec is None:
        yield lambda frame: encode_picture(frame.pixels, options.picture, options.quality)
        return
    if session.welcome is not None:
        check_codec(FrameCodec[codec.upper()], session.welcome)
    with closing(UnitStream(codec, options.quality, clock)) as units:
        yield lambda frame: units.picture(frame, session.take_key_request())


async def encode_for(
    session: ClientSession,
    frame: VideoFrame,
    encode: Callable[[VideoFrame], Picture],
    until: Callable[[Callable[[], bool]], Awaitable[None]],
) -> Picture:
    """Encode a frame, and wait until it could leave at once.

    Where the connection was lost meanwhile, the unit may build on others that the server's decoder
    has never seen: it is encoded anew.
    """
    picture = await asyncio.to_thread(encode, frame)
    await until(lambda: session.has_room(picture))
    return await asyncio.to_thread(encode, frame) if session.lacks_key(picture) else picture


class UnitStream:
    """Passes on units that a file holds already, and encodes all others.

    Args:
        codec: of all units.
        quality: 1 to 100.
        clock: seconds that only grow, for frames that have no time.

    Raises:
        ValueError: the codec cannot be encoded here.
    """

    def __init__(self, codec: PacketCodec, quality: int, clock: Callable[[], float]) -> None:
        self._codec = FrameCodec[codec.upper()]
        self._encoder = UnitEncoder(codec, quality)
        self._clock = clock
        self._key_s: float | None = None
        self._passes = False
        # A stream that is cancelled closes while a thread of it still encodes.
        self._lock = threading.Lock()

    def picture(self, frame: VideoFrame, needs_key: bool) -> Picture:
        """Return the unit of the next frame; a key frame at least every two seconds.

        Raises:
            ValueError: the encoder does not take pictures of this size.
        """
        now_s = self._clock() if frame.pts_s is None else frame.pts_s
        due = needs_key or self._key_s is None or not 0 <= now_s - self._key_s < KEY_EVERY_S
        with self._lock:
            unit = self._passed(frame.unit, due) or self._encoded(frame, due)
        if unit.key_frame:
            self._key_s = now_s
        height, width = frame.pixels.shape[:2]
        return Picture(self._codec, unit.payload, height, width, unit.key_frame)

    def close(self) -> None:
        """End the encoder."""
        with self._lock:
            self._encoder.close()

    def _passed(self, unit: Unit | None, due: bool) -> Unit | None:
        """Return a unit of the file if it is a key frame, or follows one that has passed."""
        if unit is None or not (unit.key_frame or (self._passes and not due)):
            return None
        self._passes = True
        return unit

    def _encoded(self, frame: VideoFrame, due: bool) -> Unit:
        was_passing, self._passes = self._passes, False
        return self._encoder.encode(frame.pixels, key=due or was_passing)
