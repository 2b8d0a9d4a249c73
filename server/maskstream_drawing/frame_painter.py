"""A whole frame's drawing: masks, outlines, ids and names, marks of coming and going."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from maskstream_drawing.painting import DrawnObject, Pixels, paint_mask, track_color
from maskstream_drawing.pen import Pen
from maskstream_protocol.records import Box, Status

_MARK_S: Final = 1.0


@dataclass
class _Mark:
    """Where a track came or went, and for how many more frames that is shown."""

    text: str
    box: Box
    frames_left: int
    gone: bool


class FramePainter:
    """Draws one video, frame by frame in order.

    Args:
        fps: frames per second; marks of coming and going stay for a second.
    """

    def __init__(self, fps: float = 25.0) -> None:
        self._mark_frames = max(1, round(fps * _MARK_S))
        self._marks: dict[int, _Mark] = {}
        self._last_box: dict[int, Box] = {}

    def forget(self) -> None:
        """Identities start over: older marks mean nothing any more."""
        self._marks.clear()
        self._last_box.clear()

    def draw(self, pixels: Pixels, objects: Sequence[DrawnObject]) -> Pixels:
        """Return the frame (H, W, 3) with every track on it drawn in; `pixels` stays as it is.

        Args:
            pixels: the frame.
            objects: the tracks on it, in the order in which they are painted; disappeared ones
                too, once.
        """
        image = Image.fromarray(pixels)  # copies them when it is painted into
        drawn = [item for item in objects if item.has_mask]
        for item in drawn:
            paint_mask(image, item)
        self._note(objects)
        pen = Pen(image)
        for item in drawn:
            pen.label(item.caption, item.box, track_color(item.track_id))
        for track_id in list(self._marks):
            self._draw_mark(pen, track_id)
        return np.array(image)

    def _note(self, objects: Sequence[DrawnObject]) -> None:
        """Remember who came and went."""
        for item in objects:
            if item.status is Status.DISAPPEARED:
                self._mark(
                    item.track_id, "gone", self._last_box.pop(item.track_id, None), gone=True
                )
            elif item.has_mask and item.status is not Status.MISSED:  # its mask would be a guess
                self._last_box[item.track_id] = item.box
                if item.status is Status.EMERGED:
                    self._mark(item.track_id, "new", item.box, gone=False)

    def _mark(self, track_id: int, text: str, box: Box | None, *, gone: bool) -> None:
        self._marks.pop(track_id, None)
        if box is not None:
            self._marks[track_id] = _Mark(f"{text} #{track_id}", box, self._mark_frames, gone)

    def _draw_mark(self, pen: Pen, track_id: int) -> None:
        mark = self._marks[track_id]
        if mark.gone:
            pen.cross(mark.box, mark.text, track_color(track_id))
        else:
            mark.box = self._last_box.get(track_id, mark.box)
            pen.corners(mark.box, mark.text)
        mark.frames_left -= 1
        if mark.frames_left == 0:
            del self._marks[track_id]
