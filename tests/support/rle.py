"""Masks as annotation files hold them."""

from typing import Any

from maskstream_model.aliases import Bools
from maskstream_train.data.rle import encode_rle


def encode_mask(mask: Bools) -> dict[str, Any] | None:
    """Return a mask `(height, width)` as compressed RLE, None where it is empty."""
    return encode_rle(mask) if mask.any() else None
