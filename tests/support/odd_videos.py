"""Videos as the world has them, made by PyAV: turned, mirrored, marked, cut, growing."""

import struct
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.stream import Disposition

Pixels = npt.NDArray[np.uint8]
Matrix = tuple[int, int, int, int]
CORNERS = ((255, 255, 255), (220, 30, 30), (30, 190, 40), (30, 40, 210))
"""Upper left, upper right, lower left, lower right."""
RED = (200, 30, 30)
FPS = 10
PIXEL_FORMATS = {"mjpeg": "yuvj420p", "png": "rgb24", "qtrle": "rgb24", "cinepak": "rgb24"}


def picture(number: int, height: int = 48, width: int = 64) -> Pixels:
    """A grey picture that says its number, with a colour of its own in each corner."""
    pixels = np.full((height, width, 3), 40 + 4 * (number % 50), np.uint8)
    rows, columns = height // 4, width // 4
    pixels[:rows, :columns], pixels[:rows, -columns:] = CORNERS[0], CORNERS[1]
    pixels[-rows:, :columns], pixels[-rows:, -columns:] = CORNERS[2], CORNERS[3]
    return pixels


def pictures(count: int, height: int = 48, width: int = 64) -> list[Pixels]:
    return [picture(number, height, width) for number in range(count)]


def write_video(
    path: Path,
    frames: Sequence[Pixels],
    codec: str = "mpeg4",
    *,
    times: Sequence[int] | None = None,
    matrix: Matrix | None = None,
    aspect: Fraction | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
) -> Path:
    """Write frames; `times` are in ticks of 1/FPS, `matrix` is (a, b, c, d) in {-1, 0, 1}."""
    with av.open(str(path), "w", container_options=dict(container_options or {})) as container:
        stream = container.add_stream(codec, rate=FPS, options=dict(options or {}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = PIXEL_FORMATS.get(codec, "yuv420p")
        if matrix is not None:
            a, b, c, d = (each << 16 for each in matrix)
            stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for number, pixels in enumerate(frames):
            container.mux(stream.encode(_frame(pixels, times[number] if times else number)))
        container.mux(stream.encode())
    return path


def write_red(
    path: Path, height: int, matrix: int, full_range: bool, *, marked: bool, codec: str = "libx264"
) -> Path:
    """A video of the colour RED; `matrix` is swscale's number, and the file says it if `marked`."""
    values = {1: 1, 5: 6, 9: 9}
    frame = _frame(np.full((height, 64, 3), RED, np.uint8), 0)
    stored = frame.reformat(
        format="yuv444p", dst_colorspace=matrix, dst_color_range=2 if full_range else 1
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options={"qp": "1"})
        stream.height, stream.width, stream.pix_fmt = height, 64, "yuv444p"
        if marked:
            stream.codec_context.colorspace = values[matrix]
            stream.codec_context.color_range = 2 if full_range else 1
        stored.pts, stored.time_base = 0, Fraction(1, FPS)
        stored.colorspace = values[matrix] if marked else 2
        stored.color_range = (2 if full_range else 1) if marked else 0
        container.mux(stream.encode(stored))
        container.mux(stream.encode())
    return path


def write_growing(path: Path, codec: str, sizes: Sequence[tuple[int, int]]) -> Path:
    """A video whose pictures change from size to size (height, width), three of each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.height, stream.width = sizes[0]
        stream.pix_fmt = PIXEL_FORMATS.get(codec, "yuv420p")
        for part, (height, width) in enumerate(sizes):
            encoder = stream.codec_context if part == 0 else _encoder(codec, height, width)
            numbers = range(3 * part, 3 * part + 3)
            frames = [_frame(picture(number, height, width), number) for number in numbers]
            for frame in [*frames, None]:
                for packet in encoder.encode(frame):
                    packet.stream = stream
                    packet.time_base = Fraction(1, FPS)
                    container.mux(packet)
    return path


def joined(path: Path, parts: Sequence[Path]) -> Path:
    """Transport streams one after the other, as recorders leave them."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def with_edit(path: Path, skip_s: float, length_s: float) -> Path:
    """Let the edit list of an MP4 begin later and end earlier than its frames."""
    with av.open(str(path)) as container:
        ticks_per_s = container.streams.video[0].time_base.denominator
    data = bytearray(path.read_bytes())
    entry = data.index(b"elst") + 12
    _, start = struct.unpack_from(">Ii", data, entry)
    movie_ticks_per_s = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    struct.pack_into(
        ">Ii",
        data,
        entry,
        round(length_s * movie_ticks_per_s),
        start + round(skip_s * ticks_per_s),
    )
    path.write_bytes(data)
    return path


def with_repeats(path: Path, repeated: Sequence[int], *, empty: bool) -> Path:
    """Let the index of an AVI name frames twice, or say that nothing came for a moment."""
    data = bytearray(path.read_bytes())
    start = data.index(b"idx1")
    count = struct.unpack_from("<I", data, start + 4)[0] // 16
    entries = [data[start + 8 + 16 * k : start + 24 + 16 * k] for k in range(count)]
    for number in sorted(repeated, reverse=True):
        entry = bytearray(entries[number])
        entry[12:16] = bytes(4) if empty else entry[12:16]
        entries.insert(number + 1, entry)
    data[start:] = b"idx1" + struct.pack("<I", 16 * len(entries)) + b"".join(entries)
    struct.pack_into("<I", data, data.index(b"strh") + 40, len(entries))
    struct.pack_into("<I", data, 4, len(data) - 8)
    path.write_bytes(data)
    return path


def write_streams(path: Path, streams: Sequence[tuple[Sequence[Pixels], Disposition, str]]) -> Path:
    """Several videos in one file, each with its marks and its codec."""
    with av.open(str(path), "w") as container:
        added = []
        for frames, marks, codec in streams:
            stream = container.add_stream(codec, rate=FPS)
            stream.height, stream.width = frames[0].shape[:2]
            stream.pix_fmt = PIXEL_FORMATS.get(codec, "yuv420p")
            stream.disposition = marks
            added.append((stream, frames))
        for stream, frames in added:
            for number, pixels in enumerate(frames):
                container.mux(stream.encode(_frame(pixels, number)))
            container.mux(stream.encode())
    return path


def _encoder(codec: str, height: int, width: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width = height, width
    encoder.pix_fmt = PIXEL_FORMATS.get(codec, "yuv420p")
    encoder.time_base = Fraction(1, FPS)
    return encoder


def _frame(pixels: Pixels, tick: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    frame.pts, frame.time_base = tick, Fraction(1, FPS)
    return frame


def _growing_ts(path: Path) -> Path:
    parts = [
        write_video(path.with_name(f"part{height}.ts"), pictures(4, height, width), "mpeg2video")
        for height, width in ((48, 64), (96, 128), (64, 48))
    ]
    return joined(path, parts)


MATRICES: dict[Matrix, str] = {
    (1, 0, 0, 1): "0123",
    (-1, 0, 0, 1): "1032",
    (1, 0, 0, -1): "2301",
    (-1, 0, 0, -1): "3210",
    (0, 1, 1, 0): "0213",
    (0, 1, -1, 0): "2031",
    (0, -1, 1, 0): "1302",
    (0, -1, -1, 0): "3120",
}
"""Every display matrix that lays a rectangle on its place, and the corners as they are shown."""


def _write_sequence(path: Path) -> Path:
    """Write an AVIF sequence, in a thread that ends with it.

    SVT-AV1 gives the thread that opens it real-time priority where it may, as root may: a test that
    went on with it would starve the machine, and so would the processes that it starts.
    """
    with ThreadPoolExecutor(1) as alone:
        frames = pictures(4, 64, 64)
        return alone.submit(write_video, path, frames, "libsvtav1").result()


KINDS: dict[str, Callable[[Path], Path]] = {
    **{
        f"matrix{number}.mp4": partial(write_video, frames=pictures(2), matrix=matrix)
        for number, matrix in enumerate(MATRICES)
    },
    "wide_pixels.mp4": partial(
        write_video, frames=pictures(2), aspect=Fraction(4, 3), matrix=(0, 1, -1, 0)
    ),
    "hd_unmarked.mp4": partial(write_red, height=720, matrix=1, full_range=False, marked=False),
    "full_range.mkv": partial(write_red, height=64, matrix=9, full_range=True, marked=True),
    "dropped.avi": partial(write_video, frames=pictures(8), times=[0, 1, 2, 6, 7, 8, 12, 13]),
    "late.mkv": partial(write_video, frames=pictures(4), times=[7, 8, 10, 11]),
    "cut.mp4": lambda path: with_edit(
        write_video(path, pictures(20), "libx264", options={"g": "10"}), 0.3, 1.0
    ),
    "growing.ts": _growing_ts,
    "growing.webm": partial(write_growing, codec="libvpx", sizes=((48, 64), (96, 128), (120, 60))),
    "growing.avi": partial(write_growing, codec="mjpeg", sizes=((48, 64), (96, 128), (64, 48))),
    "two.mkv": partial(
        write_streams,
        streams=[
            (pictures(3), Disposition(0), "mpeg4"),
            (pictures(5, 60, 80), Disposition.default, "mpeg4"),
        ],
    ),
    "sequence.avif": _write_sequence,
    "pictures.mov": partial(write_video, frames=pictures(3), codec="png"),
    "runs.mov": partial(write_video, frames=pictures(3), codec="qtrle"),
    "flash.flv": partial(write_video, frames=pictures(3), codec="flv"),
    "windows.wmv": partial(write_video, frames=pictures(3), codec="wmv2"),
    "raw.h264": partial(write_video, frames=pictures(6), codec="libx264"),
}
"""One file of each kind by its name."""
