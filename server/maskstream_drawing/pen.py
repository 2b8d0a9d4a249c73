"""Lines and text that can be read on any ground."""

from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from maskstream_drawing.painting import Color
from maskstream_protocol.records import Box

_LUMA: Final = (0.299, 0.587, 0.114)
_BLACK: Final = (0, 0, 0)
_WHITE: Final = (255, 255, 255)


class Pen:
    """Draws into one picture, in a size that fits it."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._width, self._height = image.size
        self._text_px = max(10, min(28, round(image.height / 30)))
        self._line_px = max(1, round(image.height / 240))
        self._font: Any = ImageFont.load_default(self._text_px)

    def label(self, text: str, box: Box, color: Color) -> None:
        """Text on a ground of the track's colour at the upper left corner of a box."""
        ink = _BLACK if np.dot(color, _LUMA) > 128 else _WHITE
        self._text(text, box[0], box[1] - self._text_px - 4, fill=ink, ground=color)

    def corners(self, box: Box, text: str) -> None:
        """Four white corners round a box and a text below it: here something emerged."""
        x0, y0, x1, y1 = box[0] - 3, box[1] - 3, box[2] + 2, box[3] + 2
        arm = max(4, min(x1 - x0, y1 - y0) // 4)
        for x, dx in ((x0, arm), (x1, -arm)):
            for y, dy in ((y0, arm), (y1, -arm)):
                self._line([(x + dx, y), (x, y), (x, y + dy)], _WHITE)
        self._text(text, x0, y1 + 3, fill=_BLACK, ground=_WHITE)

    def cross(self, box: Box, text: str, color: Color) -> None:
        """A cross in the middle of the last box and a text: here something disappeared."""
        x, y = (box[0] + box[2]) // 2, (box[1] + box[3]) // 2
        arm = max(5, min(16, (box[2] - box[0]) // 4))
        for dy in (arm, -arm):
            self._line([(x - arm, y - dy), (x + arm, y + dy)], color)
        self._text(text, x + arm + 3, y - self._text_px // 2, fill=_WHITE, ground=_BLACK)

    def _line(self, points: list[tuple[int, int]], color: Color) -> None:
        self._draw.line(points, fill=_BLACK, width=self._line_px + 2)
        self._draw.line(points, fill=color, width=self._line_px)

    def _text(self, text: str, x: int, y: int, *, fill: Color, ground: Color) -> None:
        width = round(self._draw.textlength(text, font=self._font)) + 6
        height = self._text_px + 4
        x = max(0, min(x, self._width - width))
        y = max(0, min(y, self._height - height))
        self._draw.rectangle((x, y, x + width, y + height), fill=ground)
        self._draw.text((x + 3, y + 1), text, fill=fill, font=self._font)
