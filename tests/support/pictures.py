"""Pictures as the world has them, odd and hostile ones too, and processes that decode them."""

import asyncio
import io
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image

from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.packets.decoder import PacketDecoder
from maskstream_server.pictures.limits import PictureLimits, memory_for, unit_memory_for
from maskstream_server.pictures.pool import PicturePool, Sender
from maskstream_server.streaming.decode import decode_frame

JPEG, PNG, WEBP, RGB24 = FrameCodec.JPEG, FrameCodec.PNG, FrameCodec.WEBP, FrameCodec.RGB24
PATIENT_S = 60.0


def limits(max_pixels: int = 10_000, **others: Any) -> PictureLimits:
    values = {
        "max_side_px": 32767,
        "max_bytes": 16 << 20,
        "deadline_s": PATIENT_S,
        "memory_bytes": memory_for(max_pixels, 16 << 20),
    }
    return PictureLimits(max_pixels, **(values | others))


def new_pool(
    size: int = 1, clock: Any = time.monotonic, died: Any = lambda cause: None, **others: Any
) -> PicturePool:
    return PicturePool(limits(**others), size, died, clock)


def new_packets(
    died: Any = lambda cause: None, count: Any = lambda by: None, **others: Any
) -> PacketDecoder:
    """A decoder of one session's units, without a process until the first comes."""
    values = {"max_pixels": 1_000_000, "memory_bytes": unit_memory_for(1_000_000, 16 << 20)}
    return PacketDecoder(limits(**values | others), died, count, time.monotonic)


@contextmanager
def running_pool(size: int = 1, **others: Any) -> Iterator[PicturePool]:
    pool = new_pool(size, **others)
    asyncio.run(pool.start())
    yield pool
    pool.close()


def decoded(pool: PicturePool, codec: int, payload: bytes, **fields: int) -> np.ndarray:
    """Decode a frame as a server does."""
    frame = FrameMessage(1, 1, codec, payload, **fields)
    packets = new_packets()

    async def decode() -> np.ndarray:
        return await decode_frame(frame, pool, Sender(), packets, compute)

    try:
        return asyncio.run(decode())
    finally:
        packets.close()


async def compute(work: Any, *args: Any) -> Any:
    return work(*args)


def gradient(height: int = 24, width: int = 36) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 5, rows + columns], axis=-1).astype(np.uint8)


def noise(height: int = 48, width: int = 80) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def as_pillow_reads(payload: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(payload)) as image:
        return np.asarray(image.convert("RGB"))


def encoded(codec: FrameCodec, picture: np.ndarray | Image.Image, **options: Any) -> bytes:
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, codec.name, **options)
    return buffer.getvalue()


# JPEG, segment by segment.


def segment(kind: int, body: bytes) -> bytes:
    return b"\xff" + bytes([kind]) + struct.pack(">H", len(body) + 2) + body


def segments(picture: bytes) -> list[bytes]:
    """Take a JPEG apart: its start, each segment, and from the first scan on the rest."""
    parts, at = [picture[:2]], 2
    while picture[at + 1] != 0xDA:
        stop = at + 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
        parts.append(picture[at:stop])
        at = stop
    return [*parts, picture[at:]]


def jpeg_that_says(width: int, height: int) -> bytes:
    frame = struct.pack(">BHHB", 8, height, width, 3) + bytes(9)
    scan = segment(0xDA, bytes(10))
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff" + segment(0xC2, frame) + scan


def scan_bomb(width: int, height: int, num_scans: int) -> bytes:
    """A progressive JPEG of next to no data whose scans each walk over all blocks again."""
    blocks = -(-width // 8) * -(-height // 8)
    one_code = bytes([1]) + bytes(15)
    tables = segment(0xC4, b"\x00" + one_code + b"\x00") + segment(
        0xC4, b"\x10" + one_code + b"\xe0"
    )
    frame = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")

    def scan(first: int, last: int, bits: int, data: bytes) -> bytes:
        return segment(0xDA, bytes([1, 1, 0, first, last, bits])) + data

    # Runs of 16,384 blocks without anything; too long a run is no error.
    runs = as_bytes("0".zfill(15) * (blocks // 16384 + 1))
    flat = scan(0, 0, 0, as_bytes("0" * blocks)) + scan(1, 63, 0x01, runs)
    head = b"\xff\xd8" + segment(0xDB, b"\x00" + bytes([1]) * 64) + frame + tables
    return head + flat + scan(1, 63, 0x10, runs) * num_scans + b"\xff\xd9"


def as_bytes(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def arithmetic_jpeg(width: int, height: int) -> bytes:
    """A grey JPEG in arithmetic coding; nothing but its end is coded."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    head = b"\xff\xd8" + segment(0xDB, b"\x00" + bytes([1]) * 64) + segment(0xC9, frame)
    return head + segment(0xDA, bytes([1, 1, 0, 0, 63, 0])) + b"\xff\xd9"


# PNG, chunk by chunk.


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int, height: int, rows: bytes, depth: int = 8, colours: int = 2, interlaced: bool = False
) -> bytes:
    """A PNG of unfiltered rows, each behind a zero."""
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, interlaced)
    palette = chunk(b"PLTE", bytes(range(3 << min(depth, 4)))) if colours == 3 else b""
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + data + chunk(b"IEND", b"")


def interlaced_png(picture: np.ndarray) -> bytes:
    """An RGB picture in the seven passes of Adam7."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
    rows = b"".join(
        b"\0" + row.tobytes()
        for top, left, down, across in (*passes, (1, 0, 2, 1))
        for row in picture[top::down, left::across]
        if row.size
    )
    height, width = picture.shape[:2]
    return png(width, height, rows, interlaced=True)


def with_chunks(picture: bytes, *chunks: bytes) -> bytes:
    """Put chunks behind a PNG's header."""
    return picture[:33] + b"".join(chunks) + picture[33:]
