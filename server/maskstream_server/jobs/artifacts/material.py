"""What artifacts are made of, and what they have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

from maskstream_model.port import ClassInfo
from maskstream_protocol.records import Status
from maskstream_protocol.rle import BoolMask, decode_rle
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.media.decoder import DecodedVideo
from maskstream_server.media.soundtrack import SoundPiece

Lines = Iterable[bytes]
"""Of results, one a frame; they may be still to come."""
UNSEEN = (Status.MISSED.name.lower(), Status.DISAPPEARED.name.lower())


@dataclass(frozen=True)
class Material:
    """Inputs of an artifact; opened and read in the thread that makes it."""

    name: str
    lines: Lines
    classes: Sequence[ClassInfo]
    options: JobOptions
    show_min: float
    open_video: Callable[[], DecodedVideo]
    open_sound: Callable[[], AbstractContextManager[Iterable[SoundPiece]]]

    def frame_rate(self) -> float:
        """Return the frames per second that are looked at, as the file says; opens it for that.

        So it needs nothing from the worker that has read the frames, which may be another one.

        Raises:
            MediaError: the file cannot be read.
        """
        with closing(self.open_video()) as video:
            return float(video.info.rate / self.options.frame_stride)


def seen(frame: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the objects of a line that are seen: the mask of a missed track is a guess."""
    return (item for item in frame["objects"] if item["status"] not in UNSEEN)


def in_picture(item: Mapping[str, Any]) -> BoolMask:
    """Return the mask `(height, width)` of an object that has one."""
    rle = item["segmentation"]
    return decode_rle(rle["counts"].encode(), *rle["size"])
