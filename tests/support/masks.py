"""Whole masks to what travels, as tests draw them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from maskstream_protocol.masks import Crops, EncodedMasks, encode_crops
from maskstream_protocol.records import Box, MaskCodec


def tight_box(mask: NDArray[np.bool_]) -> Box:
    """x0, y0, x1, y1, half open; all 0 for a mask without a pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return (0, 0, 0, 0)
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def encode_masks(
    masks: NDArray[np.bool_], codec: MaskCodec, logits: NDArray[Any] | None = None
) -> EncodedMasks:
    """Encode masks `(n, h, w)`, with logits of the same shape where a codec needs them."""
    boxes = [tight_box(mask) for mask in masks]
    cut, windows = (
        None
        if maps is None
        else [each[y0:y1, x0:x1] for each, (x0, y0, x1, y1) in zip(maps, boxes, strict=True)]
        for maps in (masks, logits)
    )
    return encode_crops(Crops(masks.shape[1:], boxes, cut, windows), codec)
