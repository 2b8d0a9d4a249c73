"""`maskstream record`: a stream, and a file from which it can be replayed."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from maskstream_client.errors import MaskstreamError
from maskstream_client.pictures import Picture, Pixels, encode_picture
from maskstream_client.recordings.head import Head
from maskstream_client.recordings.memories import fetch_memory
from maskstream_client.recordings.recording_file import RecordingFile
from maskstream_client.result import Result
from maskstream_client.results_json import result_line
from maskstream_client.sources import Reader
from maskstream_client.stream_options import StreamOptions
from maskstream_client.sync_client import Client
from maskstream_client.urls import without_password
from maskstream_client.video import VideoFrame
from maskstream_exports.video_results import ResultClass

KEPT_OPTIONS: Final = ("model", "min_score", "classes", "prompts", "picture", "quality")
"""Those that results depend on; masks are recorded as large as the frames."""


@dataclass(frozen=True)
class RecordJob:
    """What is asked for.

    Attributes:
        out: the file to write.
        max_bytes: room for it.
        section_frames: how many frames a section has at most.
    """

    url: str
    out: Path
    api_key: str | None = None
    options: StreamOptions = field(default_factory=StreamOptions)
    max_bytes: int = 1 << 30
    section_frames: int = 500


def record(job: RecordJob, source: str | int, reader: Reader) -> Iterator[Result]:
    """Stream a source and record it; yields each result when it is written.

    Before each section the server is made to answer all frames (`flush`), so that the memory that
    begins it is that after its last frame.

    Raises:
        MaskstreamError: the source, the server or the file fails.
        WireError: the server refuses the stream.
    """
    options = job.options
    with (
        Client(job.url, options, api_key=job.api_key) as client,
        RecordingFile(job.out, job.max_bytes) as file,
    ):
        frames, count = iter(reader), 0
        frame = next(frames, None)
        while frame is not None:
            state = None
            if count:
                state = fetch_memory(client.url, str(client.session), job.api_key)
            file.begin(_head(client, options, str(source), reader, count), state)
            sender = FrameSender(client, options)
            last = count + job.section_frames
            while frame is not None and count < last and not file.is_section_full:
                for line, result in sender.send(frame):
                    file.add(line)
                    yield result
                count += 1
                frame = next(frames, None)
            for line, result in sender.finish():
                file.add(line)
                yield result


class FrameSender:
    """Sends frames and matches their answers, as lines of a recording, with what was sent."""

    def __init__(self, client: Client, options: StreamOptions) -> None:
        self._client, self._options = client, options
        self._sent: deque[dict[str, str]] = deque()

    def send(self, frame: VideoFrame) -> Iterator[tuple[dict[str, Any], Result]]:
        """Send a frame; yields what has been answered meanwhile."""
        picture = encode_picture(frame.pixels, self._options.picture, self._options.quality)
        self._client.send_picture(picture, pts_s=frame.pts_s)
        self._sent.append(hashes_of(frame.pixels, picture))
        while len(self._sent) > self._options.max_in_flight:
            if (result := self._client.receive()) is None:
                return  # a late model answers once more frames have come
            yield self._line(result)

    def finish(self) -> Iterator[tuple[dict[str, Any], Result]]:
        """Have all frames answered; yields what is left."""
        self._client.flush()
        while self._sent:
            if (result := self._client.receive()) is None:
                raise MaskstreamError("The server has not answered all frames.")
            yield self._line(result)

    def _line(self, result: Result) -> tuple[dict[str, Any], Result]:
        return result_line(result) | self._sent.popleft(), result


def hashes_of(pixels: Pixels, picture: Picture) -> dict[str, str]:
    """SHA-256 of a frame's pixels, and of the picture that travels."""
    raw = hashlib.sha256(repr(pixels.shape).encode())
    raw.update(pixels.tobytes())
    return {"pixels": raw.hexdigest(), "sent": hashlib.sha256(picture.payload).hexdigest()}


def _head(
    client: Client, options: StreamOptions, source: str, reader: Reader, first_frame: int
) -> Head:
    model, kept = client.model, asdict(options)
    classes = {each.id: ResultClass(each.name, each.thing) for each in client.classes.values()}
    num_classes = max(classes, default=-1) + 1
    return Head(
        first_frame=first_frame,
        source=without_password(source) if "://" in source else source,
        file_name=Path(reader.name).name,
        frame_rate=round(float(reader.rate), 3),
        model=model.name,
        task=model.task,
        fingerprint=model.fingerprint,
        classes=[classes.get(each, ResultClass(f"class {each}")) for each in range(num_classes)],
        show_min=client.show_min,
        options={name: kept[name] for name in KEPT_OPTIONS},
    )
