"""Frames of a clip as a camera sends them."""

import io
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any, Final

from PIL import Image

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.videos import decode_upload

MAX_PICTURES: Final = 300
JPEG_QUALITY: Final = 90


def jpegs(settings: Settings, clip: Path) -> list[bytes]:
    """Return the first frames of a clip as a camera sends them."""
    with closing(decode_upload(settings)(clip, skip=0, stride=1)) as video:
        return [_jpeg(frame.pixels) for frame in islice(video, MAX_PICTURES)]


def _jpeg(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
