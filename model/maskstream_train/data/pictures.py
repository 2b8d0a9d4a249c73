"""Pictures of data sets, read with errors that name the file."""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps

from maskstream_model.aliases import Frame
from maskstream_model.errors import DatasetError
from maskstream_train.data.reading import video_name
from maskstream_train.data.videos import VideoInfo

BROKEN_PICTURE = (
    OSError,
    SyntaxError,  # a PNG chunk with a wrong checksum
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow raises for files that are no pictures."""
ENDINGS = (".jpg", ".jpeg", ".png")
SIDEWAYS = (5, 6, 7, 8)
"""Orientations of EXIF that swap height and width."""


@contextmanager
def opened_picture(path: Path, size: tuple[int, int] | None = None) -> Iterator[Image.Image]:
    """Open a picture for as long as it is read.

    Args:
        path: of the picture.
        size: `(height, width)` that it must have once it is upright; any where left out.

    Raises:
        DatasetError: it cannot be opened, or read within, or is of another size.
    """
    try:
        with Image.open(path) as picture:
            found = (picture.height, picture.width)
            if picture.getexif().get(ExifTags.Base.Orientation) in SIDEWAYS:
                found = found[::-1]
            if size is not None and found != size:
                (height, width), (high, wide) = found, size
                raise DatasetError(f"{path} is {width}x{height}, it should be {wide}x{high}")
            yield picture
    except BROKEN_PICTURE as error:
        raise DatasetError(f"{path} cannot be read as a picture: {error}") from error


def read_picture(path: Path, size: tuple[int, int] | None = None) -> Frame:
    """Read a picture as RGB `(height, width, 3)` uint8, upright as its EXIF data says.

    Tools for annotation and clients show it so. Arguments and errors: `opened_picture`.
    """
    with opened_picture(path, size) as picture:
        return np.array(ImageOps.exif_transpose(picture).convert("RGB"))


def read_grey(path: Path) -> npt.NDArray[np.uint8]:
    """Read a picture as its light `(height, width)` uint8; errors are those of `opened_picture`."""
    with opened_picture(path) as picture:
        return np.array(picture.convert("L"))


def read_frame(video: VideoInfo, number: int) -> Frame:
    """Read one frame of a video as RGB `(height, width, 3)`.

    Raises:
        DatasetError: the picture is missing, broken, or of another size than the video.
    """
    return read_picture(video.pictures[number], (video.height, video.width))


def check_pictures(videos: Iterable[VideoInfo]) -> None:
    """Check that every picture of `videos` is there; folders are listed once, nothing is opened.

    Raises:
        DatasetError: one is missing.
    """
    folders: dict[Path, set[str]] = {}
    for video in videos:
        for path in video.pictures:
            if path.parent not in folders:
                found = path.parent.is_dir()
                folders[path.parent] = set(os.listdir(path.parent)) if found else set()
            if path.name not in folders[path.parent]:
                name = video_name(video.id, len(video.pictures))
                raise DatasetError(f"{name} lacks its file {path}")


def list_pictures(folder: Path, endings: tuple[str, ...] = ENDINGS) -> tuple[Path, ...]:
    """List the files below a folder that have one of these endings, sorted.

    Raises:
        DatasetError: the folder is missing or holds no such file.
    """
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder of pictures")
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings))
    if not found:
        raise DatasetError(f"{folder} holds no file that ends in {', '.join(endings)}")
    return found
