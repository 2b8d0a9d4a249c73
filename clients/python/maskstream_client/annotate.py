"""Draws results into frames: coloured masks, outlines, ids and names, marks of coming and going."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from maskstream_client.pictures import Pixels
from maskstream_client.result import Result, TrackedObject
from maskstream_protocol.records import Box, Status

Color = tuple[int, int, int]

_OPACITY: Final = 115
"""Of 256."""
_MARK_S: Final = 1.0
_GOLDEN: Final = 0.618034
_LUMA: Final = (0.299, 0.587, 0.114)
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


def track_color(track_id: int) -> Color:
    """A colour of its own for each track, far from those of the ids next to it."""
    hue = (track_id * _GOLDEN) % 1.0
    saturation = 0.95 if track_id % 2 else 0.7
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 1.0)
    return (round(red * 255), round(green * 255), round(blue * 255))


@dataclass
class _Mark:
    """Where a track came or went, and for how many more frames that is shown."""

    text: str
    box: Box
    frames_left: int
    gone: bool


class Annotator:
    """Draws one stream.

    Args:
        fps: frames per second; marks of coming and going stay for a second.
    """

    def __init__(self, fps: float = 25.0) -> None:
        self._mark_frames = max(1, round(fps * _MARK_S))
        self._marks: dict[int, _Mark] = {}
        self._last_box: dict[int, Box] = {}

    def annotate(self, pixels: Pixels, result: Result) -> Pixels:
        """The frame (H, W, 3) with its result drawn in; `pixels` stays as it is."""
        canvas = pixels.copy()
        if result.reset is not None:
            self._marks.clear()
            self._last_box.clear()
        drawn = [item for item in result.objects if item.has_mask]
        for item in drawn:
            _paint_mask(canvas, item)
        self._note(result)
        image = Image.fromarray(canvas)
        pen = _Pen(image)
        for item in drawn:
            pen.label(_caption(item), item.box, track_color(item.track_id))
        for track_id in list(self._marks):
            self._draw_mark(pen, track_id)
        return np.array(image)

    def _note(self, result: Result) -> None:
        """Remember who came and went."""
        for item in result.objects:
            if item.status is Status.DISAPPEARED:
                self._mark(
                    item.track_id, "gone", self._last_box.pop(item.track_id, None), gone=True
                )
            elif item.has_mask:
                self._last_box[item.track_id] = item.box
                if item.status is Status.EMERGED:
                    self._mark(item.track_id, "new", item.box, gone=False)

    def _mark(self, track_id: int, text: str, box: Box | None, *, gone: bool) -> None:
        self._marks.pop(track_id, None)
        if box is not None:
            self._marks[track_id] = _Mark(f"{text} #{track_id}", box, self._mark_frames, gone)

    def _draw_mark(self, pen: _Pen, track_id: int) -> None:
        mark = self._marks[track_id]
        if mark.gone:
            pen.cross(mark.box, mark.text, track_color(track_id))
        else:
            mark.box = self._last_box.get(track_id, mark.box)
            pen.corners(mark.box, mark.text)
        mark.frames_left -= 1
        if mark.frames_left == 0:
            del self._marks[track_id]


def _caption(item: TrackedObject) -> str:
    guess = "?" if item.status is Status.MISSED else ""
    return f"{item.track_id} {item.label}{guess} {item.score:.2f}"


def _paint_mask(canvas: Pixels, item: TrackedObject) -> None:
    """Tint the mask and draw its outline; a missed track's guess has an outline only."""
    x0, y0, x1, y1 = item.box
    mask = item.mask()[y0:y1, x0:x1]
    crop = canvas[y0:y1, x0:x1]
    color = np.array(track_color(item.track_id), np.uint16)
    if item.status is not Status.MISSED:
        crop[mask] = (crop[mask] * np.uint16(256 - _OPACITY) + color * np.uint16(_OPACITY)) >> 8
    crop[_outline(mask)] = color


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a mask within two pixels of its border."""
    inner = mask
    for _ in range(2):
        padded = np.pad(inner, 1)
        inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:] & inner
    return mask & ~inner


class _Pen:
    """Draws lines and text that can be read on any ground, in a size that fits the picture."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._width, self._height = image.size
        self._text_px = max(10, min(28, round(image.height / 30)))
        self._line_px = max(1, round(image.height / 240))
        self._font: Any = ImageFont.load_default(self._text_px)

    def label(self, text: str, box: Box, color: Color) -> None:
        """Text on a ground of the track's colour at the upper left corner of a box."""
        ground = _BLACK if np.dot(color, _LUMA) > 128 else _WHITE
        self._text(text, box[0], box[1] - self._text_px - 4, fill=ground, ground=color)

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
