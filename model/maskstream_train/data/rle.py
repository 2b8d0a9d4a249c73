"""COCO run-length encoding of masks, to and from bool arrays.

Decoding is our own: `pycocotools.mask.decode` warns under numpy 2, and warnings are errors here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools
from maskstream_model.errors import DatasetError


def decode_masks(
    segmentations: Sequence[Any], height: int, width: int, entries: Sequence[str] | None = None
) -> Bools:
    """Decode RLE (compressed or not) or polygons to `(N, height, width)`; None is empty.

    Args and errors are those of `decode_columns`.
    """
    columns = decode_columns(segmentations, height, width, entries)
    return np.ascontiguousarray(columns.transpose(0, 2, 1))


def decode_columns(
    segmentations: Sequence[Any], height: int, width: int, entries: Sequence[str] | None = None
) -> Bools:
    """Decode to `(N, width, height)`, the order of the encoding: quicker, and enough to count.

    Args:
        segmentations: RLE or polygons, or None.
        height: in pixels.
        width: in pixels.
        entries: `N` places where they were read, for errors.

    Raises:
        DatasetError: a segmentation that is none, or of another size.
    """
    masks = np.zeros((len(segmentations), width, height), dtype=bool)
    for index, segmentation in enumerate(segmentations):
        if not segmentation:
            continue
        try:
            masks[index] = _decode(segmentation, height, width)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            where = f"{entries[index]}: " if entries else ""
            raise DatasetError(f"{where}a segmentation cannot be decoded: {error}") from error
    return masks


def encode_rle(mask: Bools) -> dict[str, Any]:
    """Return a mask `(height, width)` as compressed RLE, also where it is empty."""
    from pycocotools import mask as coco

    rle = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


def run_lengths(counts: bytes) -> list[int]:
    """Unpack compressed counts: five bits a character, low bits first, differences from the third.

    The format is COCO's `maskApi.c` (`rleFrString`): bit 32 says that more follows, bit 16 of the
    last character is the sign, and from the fourth number on each is stored as its difference from
    the number two before.
    """
    lengths: list[int] = []
    value = shift = 0
    for character in counts:
        bits = character - 48
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + lengths[-2] if len(lengths) > 2 else value)
        value = shift = 0
    return lengths


def _decode(segmentation: Any, height: int, width: int) -> Bools:
    if isinstance(segmentation, list):
        segmentation = _from_polygons(segmentation, height, width)
    if not isinstance(segmentation, Mapping) or not {"size", "counts"} <= segmentation.keys():
        raise ValueError("it has neither polygons nor size and counts")
    size = tuple(segmentation["size"])
    if size != (height, width):
        raise ValueError(f"a mask of {size}, its video is {(height, width)}")
    counts = segmentation["counts"]
    if not isinstance(counts, list):
        counts = run_lengths(counts.encode("ascii") if isinstance(counts, str) else counts)
    if sum(counts) != height * width or min(counts) < 0:
        raise ValueError("its runs do not fill the picture")
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(width, height)


def _from_polygons(polygons: list[Any], height: int, width: int) -> Any:
    from pycocotools import mask as coco

    for polygon in polygons:
        # Four numbers would be taken for a box.
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"a polygon of {len(polygon)} numbers")
    try:
        return coco.merge(coco.frPyObjects(polygons, height, width))
    except Exception as error:  # pycocotools raises bare ones
        raise ValueError(f"no polygons: {error}") from error
