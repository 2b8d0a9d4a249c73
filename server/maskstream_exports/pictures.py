"""Pictures in zips: the same video gives the same bytes."""

import io
import shutil
import zipfile
from typing import IO, Any

import numpy.typing as npt
from PIL import Image

ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say."""


def as_png(pixels: npt.NDArray[Any]) -> memoryview:
    """Return a picture `(H, W)` bool or uint16, or `(H, W, 3)` uint8, as the bytes of a PNG."""
    picture = io.BytesIO()
    # Labels are plain areas: the quickest level makes them hardly larger than the best one.
    Image.fromarray(pixels).save(picture, "png", compress_level=1)
    return picture.getbuffer()


def add_file(out: zipfile.ZipFile, name: str, data: bytes | memoryview) -> None:
    """Add a file to a zip."""
    out.writestr(zipfile.ZipInfo(name, ZIP_DATE), data)


def add_spool(out: zipfile.ZipFile, name: str, spool: IO[bytes]) -> None:
    """Add what a temporary file holds, which may not fit into memory."""
    spool.seek(0)
    info = zipfile.ZipInfo(name, ZIP_DATE)
    info.compress_type = zipfile.ZIP_DEFLATED
    with out.open(info, "w", force_zip64=True) as file:
        shutil.copyfileobj(spool, file)
