"""A folder or a pattern of picture files, read like a video."""

from __future__ import annotations

import glob
import logging
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final, Self

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from maskstream_client.containers import local_path
from maskstream_client.errors import SourceError
from maskstream_client.pictures import Pixels
from maskstream_client.terminal import printable
from maskstream_client.video import DEFAULT_RATE, VideoFrame

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
_COUNTER: Final = re.compile(r"%(?:0?(\d+))?d")
"""As in `frame_%05d.jpg`."""
_WILD: Final = re.compile(r"[*?\[]")
_log = logging.getLogger("maskstream_client")


def pictures_of(source: str | Path) -> Sequence[Path] | None:
    """The pictures of a folder or pattern in the order of their numbers; None for other sources.

    A pattern has `*`, `?` or `[...]`, or a counter such as `%05d`. What exists under the very name
    is no pattern.

    Raises:
        SourceError: there is none.
    """
    path = local_path(source)
    if path is None or not (path.is_dir() or (not path.exists() and _is_pattern(str(path)))):
        return None
    found = path.iterdir() if path.is_dir() else _matches(path)
    pictures = [each for each in found if each.suffix.lower() in _SUFFIXES and each.is_file()]
    if not pictures:
        kinds = ", ".join(sorted(_SUFFIXES))
        or_file = "" if path.is_dir() else ", nor a file of that name"
        raise SourceError(f"There is no picture in {path} ({kinds}){or_file}.")
    return sorted(pictures, key=_by_number)


class PictureReader:
    """Pictures as the frames of a video, turned upright as their EXIF data says.

    Use it as a context manager and iterate it once; `max_frames` ends it early.
    """

    is_live = False
    sample_aspect = Fraction(1)
    warning: str | None = None

    def __init__(self, name: str, paths: Sequence[Path], max_frames: int | None = None) -> None:
        self.name = name
        self.rate: Fraction = DEFAULT_RATE
        self.num_frames: int | None = len(paths)
        self._paths = list(islice(paths, max_frames))
        self._stopped = False

    def __iter__(self) -> Iterator[VideoFrame]:
        """The pictures in order; one that cannot be read is logged and left out.

        Raises:
            SourceError: not one can be read.
        """
        num_read = 0
        for index, path in enumerate(self._paths):
            if self._stopped:
                return
            if (pixels := _read(path)) is not None:
                num_read += 1
                yield VideoFrame(pixels, float(index / self.rate))
        if num_read == 0:
            raise SourceError(f"No picture of {self.name} can be read.")

    def stop(self) -> None:
        """Give no more frames."""
        self._stopped = True

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _is_pattern(name: str) -> bool:
    return bool(_WILD.search(name) or _COUNTER.search(Path(name).name))


def _matches(path: Path) -> Iterator[Path]:
    if _WILD.search(str(path)):
        return (Path(each) for each in glob.iglob(str(path)))
    before, after = (re.escape(part) for part in _COUNTER.split(path.name, maxsplit=1)[::2])
    width = _COUNTER.findall(path.name)[0] or "1"
    wanted = re.compile(rf"{before}\d{{{width},}}{after}")
    folder = path.parent
    names = folder.iterdir() if folder.is_dir() else iter(())
    return (each for each in names if wanted.fullmatch(each.name))


def _by_number(path: Path) -> tuple[Sequence[tuple[int, str]], str]:
    """2.jpg before 10.jpg."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts], path.name


def _read(path: Path) -> Pixels | None:
    try:
        with Image.open(path, formats=_FORMATS) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        why = "it is no picture" if isinstance(error, UnidentifiedImageError) else str(error)
        _log.warning("%s is left out: %s.", printable(str(path)), printable(why))
        return None
