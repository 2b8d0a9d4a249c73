"""Pictures from disk."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from maskstream_model.data.synthetic.config import Image
from maskstream_model.errors import DatasetError


def read_picture(path: Path, mode: str) -> Image:
    """Read a picture as `RGB` or `L`, uint8.

    Raises:
        DatasetError: the file cannot be read as a picture; the text names it.
    """
    try:
        with PillowImage.open(path) as picture:
            return np.array(picture.convert(mode))
    except (OSError, ValueError, SyntaxError) as error:
        raise DatasetError(f"{path} cannot be read as a picture: {error}") from error


def list_pictures(folder: Path | None) -> tuple[Path, ...]:
    """List the .jpg, .jpeg and .png files below a folder, sorted; none for None.

    Raises:
        DatasetError: the folder is missing or holds no picture.
    """
    if folder is None:
        return ()
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder of pictures")
    endings = {".jpg", ".jpeg", ".png"}
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings))
    if not found:
        raise DatasetError(f"{folder} holds no .jpg or .png picture")
    return found
