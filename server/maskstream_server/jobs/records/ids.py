"""Names of videos and uploads."""

import re
from collections.abc import Callable

_NEW_ID = re.compile(r"[0-9a-f]{32}")


def new_id(now_s: float, random_bytes: Callable[[int], bytes]) -> str:
    """Return letters and digits: above all earlier ones (to the millisecond), hard to guess."""
    return f"{round(1000 * now_s):012x}{random_bytes(10).hex()}"


def is_new_id(name: str) -> bool:
    """Return whether `new_id` could have made it."""
    return _NEW_ID.fullmatch(name) is not None
