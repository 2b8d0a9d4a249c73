"""Folders of real pictures and videos that lend textures: a video lends a few of its frames."""

from collections.abc import Iterator
from pathlib import Path

import cv2

from maskstream_model.errors import DatasetError
from maskstream_train.data.pictures import ENDINGS, list_pictures
from maskstream_train.data.synthetic.config import Image

VIDEOS = (".avi", ".gif", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".ts", ".webm")
FRAMES_OF_VIDEO = 8
LONG_WAY = 300
"""Frames over which seeking is worth its price: in some formats it finds nothing."""


def is_video(path: Path) -> bool:
    """Say whether a file is a video, by its ending."""
    return path.suffix.lower() in VIDEOS


def list_textures(folder: Path) -> tuple[Path, ...]:
    """List the pictures below a folder once, and videos `FRAMES_OF_VIDEO` times, sorted.

    Raises:
        DatasetError: the folder is missing or holds neither.
    """
    found = list_pictures(folder, (*ENDINGS, *VIDEOS))
    return tuple(p for path in found for p in [path] * (FRAMES_OF_VIDEO if is_video(path) else 1))


def video_frames(path: Path) -> Iterator[Image]:
    """Yield up to `FRAMES_OF_VIDEO` frames, spread over a video's length, as they are decoded.

    Each is RGB uint8 (height, width, 3). Where the file is cut short, or seeking finds nothing,
    there are fewer, but at least one.

    Raises:
        DatasetError: no frame of it can be read.
    """
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    # What it says of its length may be wrong, or nothing at all.
    count = max(1, int(video.get(cv2.CAP_PROP_FRAME_COUNT)))
    next_one = num_read = 0
    for wanted in sorted({count * part // FRAMES_OF_VIDEO for part in range(FRAMES_OF_VIDEO)}):
        if wanted - next_one > LONG_WAY:
            video.set(cv2.CAP_PROP_POS_FRAMES, wanted)
            next_one = wanted
        while next_one <= wanted and video.grab():
            next_one += 1
        read, pixels = video.retrieve() if next_one > wanted else (False, None)
        if not read or pixels is None:
            break
        num_read += 1
        yield cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    video.release()
    if num_read == 0:
        raise DatasetError(f"{path} cannot be read as a video")
