"""`overlay.mp4`: the video with its tracks drawn in."""

import json
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_drawing.frame_painter import FramePainter
from maskstream_drawing.painting import DrawnObject
from maskstream_drawing.showing import Showing
from maskstream_exports.video_results import FoundObject
from maskstream_protocol.records import Status
from maskstream_server.jobs.artifacts.material import Material
from maskstream_server.media.overlay import OverlayWriter

NO_MASK = np.zeros((0, 0), bool)


def write_overlay(material: Material, target: Path) -> str | None:
    """Draw the lines into the frames that they are of, at the source's times and with its sound.

    The file is decoded a second time: a worker that continues in the middle has not seen the frames
    before, and offline lines come long after their frames.

    Returns:
        One sentence where the sound is not whole.

    Raises:
        MediaError: the file cannot be read.
    """
    options = material.options
    with ExitStack() as opened:
        video = opened.enter_context(closing(material.open_video()))
        sound = opened.enter_context(material.open_sound())
        info = replace(video.info, rate=video.info.rate / options.frame_stride)
        size, painter = (info.height, info.width), FramePainter(float(info.rate))
        showing = Showing(material.show_min)
        overlay = opened.enter_context(OverlayWriter(target, info, sound))
        for frame, line in zip(video, material.lines, strict=False):
            items = json.loads(line)["objects"]
            objects = [_drawn(item, size, options.mask_scale) for item in items]
            shown = showing.of_frame(objects)
            overlay.write(painter.draw(frame.pixels, shown), frame.time_s)
    return overlay.warning


def _drawn(item: Mapping[str, Any], size: tuple[int, int], mask_scale: float) -> DrawnObject:
    """Return an object as it is drawn into a picture of (height, width)."""
    box, mask = (0, 0, 0, 0), NO_MASK
    if item["segmentation"] is not None:
        found = FoundObject(item, size, round(1 / mask_scale))
        box, mask = found.box, found.crop()
    status = Status[item["status"].upper()]
    return DrawnObject(item["track_id"], item["label"], item["score"], status, box, mask)
