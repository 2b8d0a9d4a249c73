"""Draws results into frames, as the server draws its overlays."""

from typing import Final

import numpy as np

from maskstream_client.pictures import Pixels
from maskstream_client.result import Mask, Result, TrackedObject
from maskstream_drawing.frame_painter import FramePainter
from maskstream_drawing.painting import DrawnObject
from maskstream_drawing.showing import Showing

_NO_MASK: Final[Mask] = np.zeros((0, 0), bool)


class Annotator:
    """Draws one stream.

    Args:
        fps: frames per second; marks of coming and going stay for a second.
        show_min: a track is drawn from the frame on where its score reaches this.
    """

    def __init__(self, fps: float = 25.0, show_min: float = 0.0) -> None:
        self._painter = FramePainter(fps)
        self._showing = Showing(show_min)

    def annotate(self, pixels: Pixels, result: Result) -> Pixels:
        """The frame (H, W, 3) with its result drawn in; `pixels` stays as it is."""
        if result.reset is not None:
            self._painter.forget()
            self._showing.forget()
        objects = self._showing.of_frame([_drawn(item) for item in result.objects])
        return self._painter.draw(pixels, objects)


def _drawn(item: TrackedObject) -> DrawnObject:
    mask = _NO_MASK
    if item.has_mask:
        x0, y0, x1, y1 = item.box
        mask = item.mask()[y0:y1, x0:x1]
    return DrawnObject(item.track_id, item.label, item.score, item.status, item.box, mask)
