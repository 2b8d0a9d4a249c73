"""A client for tests, written from docs/protocol.md alone: `websockets`, `struct` and `json`."""

import asyncio
import io
import json
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

WITHIN_S = 60.0
LIMIT_S = 60.0
"""For what is waited for among any number of other messages."""


def jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def grey(value: int = 90, height: int = 36, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def frame_message(sequence: int, payload: bytes, epoch: int = 1, **header: int) -> bytes:
    values = {"version": 1, "kind": 1, "flags": 0, "codec": 0, "orientation": 0, "pts": -1}
    values |= {"width": 0, "height": 0} | header
    packed = struct.pack(
        "<BBHHBBQqIHH",
        values["version"],
        values["kind"],
        32,
        values["flags"],
        values["codec"],
        values["orientation"],
        sequence,
        values["pts"],
        epoch,
        values["width"],
        values["height"],
    )
    return packed + payload


@dataclass(frozen=True)
class Track:
    id: int
    status: int
    age: int
    area: int
    mask: bytes
    label: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Result:
    sequence: int
    epoch: int
    dropped: int
    first: bool
    durable: bool
    last: bool
    mask_size: tuple[int, int]
    codec: int
    tracks: tuple[Track, ...]
    provisional: bool = False
    events: tuple[dict[str, Any], ...] = ()

    @classmethod
    def read(cls, data: bytes) -> "Result":
        head = struct.unpack_from("<BBHHBBQqIIIIIIHHHHII", data)
        (_, kind, _, flags, codec, _, sequence, _, epoch, dropped) = head[:10]
        width, height, count, _, table, blob_length = head[14:]
        assert kind == 0x81
        blob_at = table + 32 * count
        blob = data[blob_at : blob_at + blob_length]
        assert len(blob) == blob_length
        tracks = []
        for row in struct.iter_unpack("<IHHHHHHIIIHBB", data[table : table + 32 * count]):
            offset, length = row[7], row[8]
            mask = blob[offset : offset + length]
            tracks.append(Track(row[0], row[11], row[10], row[9], mask, row[1], row[3:7]))
        bits = [bool(flags >> bit & 1) for bit in range(3)]
        size = (height, width)
        early, events = bool(flags >> 3 & 1), ()
        if flags >> 4 & 1:
            at, length = struct.unpack_from("<II", data, 64)
            events = tuple(json.loads(data[at : at + length]))
        return cls(sequence, epoch, dropped, *bits, size, codec, tuple(tracks), early, events)

    @property
    def seen(self) -> list[tuple[int, int, int, bytes]]:
        """What identity means: ids, states and masks."""
        return [(track.id, track.status, track.age, track.mask) for track in self.tracks]


@dataclass
class RawClient:
    socket: ClientConnection
    welcome: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any] | Result] = field(default_factory=list)
    next_sequence: int = 1

    async def hello(self, **fields: Any) -> dict[str, Any]:
        await self.say(type="hello", **fields)
        self.welcome = await self.get("welcome")
        self.next_sequence = self.welcome["next_sequence"]
        return self.welcome

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def send(self, picture: np.ndarray | bytes, **header: int) -> None:
        """Send the next frame."""
        payload = picture if isinstance(picture, bytes) else jpeg(picture)
        await self.socket.send(frame_message(self.next_sequence, payload, **header))
        self.next_sequence += 1

    async def read(self) -> dict[str, Any] | Result:
        try:
            data = await asyncio.wait_for(self.socket.recv(), WITHIN_S)
        except ConnectionClosed as error:
            error.add_note(f"after the errors {self.error_codes}")
            raise
        message = Result.read(data) if isinstance(data, bytes) else json.loads(data)
        self.messages.append(message)
        return message

    async def coming(self) -> AsyncIterator[dict[str, Any] | Result]:
        """Read what comes, for `LIMIT_S` at the most."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            yield await self.read()

    async def get(self, kind: str) -> dict[str, Any]:
        """Read until a control message of this type comes."""
        async for message in self.coming():
            if isinstance(message, dict) and message["type"] == kind:
                return message
        raise AssertionError(f"no {kind} among what came within {LIMIT_S:g} s")

    async def result(self) -> Result:
        """Read until a result comes."""
        async for message in self.coming():
            if isinstance(message, Result):
                return message
        raise AssertionError(f"no result among what came within {LIMIT_S:g} s")

    async def answer(self, picture: np.ndarray | bytes, **header: int) -> Result:
        """Send a frame and read its result."""
        await self.send(picture, **header)
        return await self.result()

    async def flush(self) -> dict[str, Any]:
        await self.say(type="flush", id="f")
        return await self.get("flushed")

    async def end(self) -> int:
        """Read to the close; returns its code."""
        try:
            async for _ in self.coming():
                pass
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006
        raise AssertionError(f"no close within {LIMIT_S:g} s")

    @property
    def results(self) -> list[Result]:
        return [message for message in self.messages if isinstance(message, Result)]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.messages if isinstance(each, dict) and each["type"] == kind]

    @property
    def error_codes(self) -> list[str]:
        return [error["code"] for error in self.of("error")]


@asynccontextmanager
async def raw_client(ws_url: str, **options: Any) -> AsyncIterator[RawClient]:
    """Connect; `hello` is the test's."""
    options = {"subprotocols": ["maskstream.v1"], "compression": None, "max_size": None} | options
    async with connect(ws_url, close_timeout=2, proxy=None, **options) as socket:
        yield RawClient(socket)
