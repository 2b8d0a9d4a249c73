"""Masks that do not overlap: from a map of labels to crops."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import find_objects

from maskstream_model.port import Crops

Labels = npt.NDArray[np.int32]
Window = tuple[slice, slice]


def label_crops(labels: Labels, wanted: Sequence[int], with_logits: bool = False) -> Crops:
    """Return the masks of some labels of a map.

    Args:
        labels: `(height, width)` from 1, 0 for nothing.
        wanted: the label of each mask; one that is nowhere, as 0, has no mask.
        with_logits: also return logits, all 0: the masks do not overlap.
    """
    windows: list[Window | None] = [None, *find_objects(labels, max(wanted, default=1))]
    places = [windows[label] if label else None for label in wanted]
    bitmaps = tuple(
        np.zeros((0, 0), bool) if place is None else labels[place] == label
        for place, label in zip(places, wanted, strict=True)
    )
    zeros = tuple(np.zeros(bitmap.shape, np.float32) for bitmap in bitmaps)
    return Crops(
        size=(labels.shape[0], labels.shape[1]),
        boxes=np.array([_box(place) for place in places], np.int32).reshape(-1, 4),
        areas=np.array([np.count_nonzero(bitmap) for bitmap in bitmaps], np.int64),
        bitmaps=bitmaps,
        logits=zeros if with_logits else None,
    )


def _box(place: Window | None) -> tuple[int, int, int, int]:
    if place is None:
        return 0, 0, 0, 0
    rows, columns = place
    return columns.start, rows.start, columns.stop, rows.stop
