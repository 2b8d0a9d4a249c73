"""Lines of results as a video has them, made up for the tests of files that are made of them."""

import json
from collections.abc import Iterable, Sequence

import numpy as np
from pycocotools import mask as coco

from maskstream_exports.video_results import ResultClass, VideoResults

SIZE = [20, 30]
CLASSES = tuple(ResultClass(f"class {number}") for number in range(3))


def rectangle(x: int, y: int, size: int = 5):
    """A mask with a square in it."""
    mask = np.zeros(SIZE, bool)
    mask[y : y + size, x : x + size] = True
    return mask


def found(track: int, mask=None, status: str = "tracked", score: float = 0.5, class_id: int = 0):
    """An object of a line."""
    rle, box, area = None, [0, 0, 0, 0], 0
    if mask is not None:
        encoded = coco.encode(np.asfortranarray(mask, np.uint8))
        rle = {"size": list(mask.shape), "counts": encoded["counts"].decode()}
        rows, columns = np.nonzero(mask)
        ends = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        box, area = [int(end) for end in ends], len(rows)
    return {
        "track_id": track,
        "class_id": class_id,
        "label": f"class {class_id}",
        "score": score,
        "status": status,
        "age": 1,
        "box": box,
        "area": area,
        "segmentation": rle,
    }


def lines(*frames, size: Sequence[int] = SIZE) -> list[bytes]:
    """A line for each frame, ten in a second."""
    return [
        json.dumps({"frame": n, "time_s": n / 10, "size": size, "objects": objects}).encode()
        + b"\n"
        for n, objects in enumerate(frames)
    ]


FRAMES = lines(
    [found(1, rectangle(0, 0), "emerged", 0.4)],
    [found(1, rectangle(1, 1)), found(7, rectangle(3, 3), "emerged", 0.9, class_id=2)],
    [found(1, rectangle(9, 9), "missed", 0.1), found(7, rectangle(4, 4), score=0.8, class_id=2)],
    [],
    [found(1, rectangle(2, 2), score=0.6), found(7, None, "disappeared", 0.0)],
    [found(1, None, score=0.7)],
)


def results_of(made: Iterable[bytes], **about) -> VideoResults:
    """The results of `street.mp4`."""
    known = {"size": tuple(SIZE), "frame_rate": 10.0, "classes": CLASSES}
    return VideoResults(made, "street.mp4", **known | about)
