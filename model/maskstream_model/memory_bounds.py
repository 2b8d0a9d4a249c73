"""Bounds of a memory's named parts, for any family: what stores and the wire are made for."""

import re
from collections.abc import Mapping
from typing import Final

PART_NAME: Final = re.compile(r"[a-z0-9_./-]{1,64}")
MAX_PARTS: Final = 4096
MAX_PARTS_BYTES: Final = 32 << 20
"""Of a whole memory; a hundred tracks of the largest preset need less than a tenth of it."""


def beyond_bounds(parts: Mapping[str, bytes]) -> str | None:
    """Return what of a memory is beyond its bounds, as half a sentence; None: nothing."""
    if len(parts) > MAX_PARTS:
        return f"a memory of {len(parts)} parts; {MAX_PARTS} are the most"
    wrong = [name for name in parts if not PART_NAME.fullmatch(name)]
    if wrong:
        return f"a part {wrong[:1]}, no name that matches {PART_NAME.pattern}"
    size = sum(map(len, parts.values()))
    if size > MAX_PARTS_BYTES:
        return f"a memory of {size} bytes; {MAX_PARTS_BYTES} are the most"
    return None
