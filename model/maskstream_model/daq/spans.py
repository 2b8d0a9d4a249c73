"""Overlapping windows of a stream of items, of which only one is held at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Span(Generic[Item]):
    """Consecutive items.

    Attributes:
        first: number of the first one in the stream, from 0.
        items: all that are seen together.
        final: indices into `items` of those that this window decides; every item of the stream is
            decided by one window, in order.
    """

    first: int
    items: tuple[Item, ...]
    final: range


def spans(items: Iterable[Item], window: int | None, overlap: int) -> Iterator[Span[Item]]:
    """Cut a stream into windows; what two of them share is decided half by each.

    Args:
        items: read once, and no further than one item beyond the window that is yielded.
        window: items of a window, None for all of the stream.
        overlap: items that a window shares with the next one; fewer than `window`.
    """
    held: list[Item] = []
    first = decided = 0
    for item in items:
        if window is not None and len(held) == window:
            end = first + window - overlap // 2
            yield Span(first, tuple(held), range(decided - first, end - first))
            decided = end
            del held[: window - overlap]
            first += window - overlap
        held.append(item)
    if held:
        yield Span(first, tuple(held), range(decided - first, len(held)))
