"""Names of videos and uploads."""

from collections.abc import Callable


def new_id(now_s: float, random_bytes: Callable[[int], bytes]) -> str:
    """Return letters and digits: above all earlier ones (to the millisecond), hard to guess."""
    return f"{round(1000 * now_s):012x}{random_bytes(10).hex()}"
