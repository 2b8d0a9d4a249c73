"""`cvat-polygons.xml` and `cvat-masks.xml`: CVAT for video 1.1; CVAT imports it as `CVAT 1.1`."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from maskstream_exports.track_spool import TrackSpool
from maskstream_exports.video_results import FoundObject, VideoResults
from maskstream_protocol.polygons import Points, trace_edges

POLYGON, MASK = "polygon", "mask"


def write_cvat_polygons(results: VideoResults, target: Path) -> None:
    """Write a track for each object, with a polygon on each frame where it is seen.

    The polygon is the outline of the largest piece of the mask, along the edges of its pixels. On
    the first frame where the object is not seen any more, it is `outside`.
    """
    labels: dict[int, str] = {}
    with TrackSpool.beside(target) as spool, target.open("w", encoding="utf-8") as out:
        before: dict[int, str] = {}
        for frame in results.frames():
            now = {item.track_id: _polygon(item) for item in frame.objects}
            for track_id in before.keys() - now.keys():
                gone = _shape(POLYGON, frame.number, before[track_id], outside=True)
                spool.add(track_id, frame.number, gone)
            for track_id, attributes in now.items():
                spool.add(track_id, frame.number, _shape(POLYGON, frame.number, attributes))
            labels |= {item.track_id: item.label for item in frame.objects}
            before = now
        _write_head(out, results)
        for track_id in sorted(labels):
            shapes = (text for _, text in spool.texts(track_id))
            _write_track(out, track_id, track_id, labels[track_id], shapes)
        out.write("</annotations>\n")


def write_cvat_masks(results: VideoResults, target: Path) -> None:
    """Write each mask as a track of its own, on one frame, in the group of its object.

    CVAT has no tracks of masks: of such a track it takes the first mask, and makes a shape of it.
    The number of the group (`group_id`) is the track id, so that shapes of one object are known.
    """
    with target.open("w", encoding="utf-8") as out:
        _write_head(out, results)
        number = count(1)
        before: list[tuple[FoundObject, str, str]] = []
        for frame in results.frames():
            for item, attributes, shape in before:
                gone = _shape(MASK, frame.number, attributes, outside=True)
                _write_track(out, next(number), item.track_id, item.label, (shape, gone))
            masks = [(item, _mask(item)) for item in frame.objects]
            before = [(item, rle, _shape(MASK, frame.number, rle)) for item, rle in masks]
        for item, _, shape in before:
            _write_track(out, next(number), item.track_id, item.label, (shape,))
        out.write("</annotations>\n")


def _polygon(item: FoundObject) -> str:
    x0, y0, _, _ = item.box
    outline = max(trace_edges(item.crop()), key=_enclosed)
    return 'points="' + ";".join(f"{x0 + x}.00,{y0 + y}.00" for x, y in outline.tolist()) + '"'


def _enclosed(ring: Points) -> int:
    """Twice the area that a ring encloses; negative where it goes counterclockwise: of a hole."""
    x, y = ring.T
    return int((x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


def _mask(item: FoundObject) -> str:
    """Run lengths along the rows of the mask inside its box, beginning with those outside."""
    x0, y0, x1, y1 = item.box
    pixels = item.crop().ravel()
    ends = np.flatnonzero(np.diff(pixels)) + 1
    runs = np.diff([0, *ends.tolist(), pixels.size]).tolist()
    counts = [0, *runs] if pixels[0] else runs
    rle = ", ".join(map(str, counts))
    return f'rle="{rle}" left="{x0}" top="{y0}" width="{x1 - x0}" height="{y1 - y0}"'


def _shape(kind: str, number: int, attributes: str, *, outside: bool = False) -> str:
    state = f'frame="{number}" keyframe="1" outside="{int(outside)}" occluded="0"'
    return f'    <{kind} {state} {attributes} z_order="0"></{kind}>\n'


def _write_track(out: IO[str], number: int, group: int, label: str, shapes: Iterable[str]) -> None:
    named = f'id="{number}" label={quoteattr(label)} group_id="{group}" source="auto"'
    out.write(f"  <track {named}>\n")
    out.writelines(shapes)
    out.write("  </track>\n")


def _write_head(out: IO[str], results: VideoResults) -> None:
    """Labels and sizes; CVAT itself takes those of its task, which must have the labels."""
    height, width = results.size
    labels = "".join(
        f"<label><name>{escape(each.name)}</name><attributes></attributes></label>\n"
        for each in results.classes
    )
    out.write(
        '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n'
        f"  <meta><task><name>{escape(results.name)}</name><mode>interpolation</mode>"
        f"<labels>\n{labels}</labels><original_size><width>{width}</width>"
        f"<height>{height}</height></original_size></task>"
        f"<source>{escape(results.name)}</source></meta>\n"
    )
