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


class Cutter(Generic[Item]):
    """Cuts a stream into windows; what two of them share is decided half by each.

    Args:
        window: items of a window, None for all of the stream.
        overlap: items that a window shares with the next one; fewer than `window`.
        first: number of the item that comes first: 0, or `first` of an earlier cutter.
        decided: that one's `decided`.

    Attributes:
        first: number of the first item that is still held, with which the next window begins.
        decided: items before it are decided.
    """

    def __init__(
        self, window: int | None, overlap: int, first: int = 0, decided: int | None = None
    ) -> None:
        self.first = first
        self.decided = first if decided is None else decided
        self._window, self._overlap = window, overlap
        self._held: list[Item] = []

    def add(self, item: Item) -> Span[Item] | None:
        """Take the next item; return the window before it, where that is full and not the last."""
        span = None
        if len(self._held) == self._window:
            step = self._window - self._overlap
            span = self._cut(self.first + self._window - self._overlap // 2)
            del self._held[:step]
            self.first += step
        self._held.append(item)
        return span

    def rest(self) -> Span[Item] | None:
        """Return the last window, which decides all that is left; None where nothing came."""
        return self._cut(self.first + len(self._held)) if self._held else None

    def _cut(self, end: int) -> Span[Item]:
        span = Span(
            self.first, tuple(self._held), range(self.decided - self.first, end - self.first)
        )
        self.decided = end
        return span


def spans(items: Iterable[Item], window: int | None, overlap: int) -> Iterator[Span[Item]]:
    """Cut a stream into windows, see `Cutter`.

    Args:
        items: read once, and no further than one item beyond the window that is yielded.
        window: see `Cutter`.
        overlap: see `Cutter`.
    """
    cutter = Cutter[Item](window, overlap)
    for item in items:
        span = cutter.add(item)
        if span is not None:
            yield span
            del span  # its items are not held while the next window fills up
    last = cutter.rest()
    if last is not None:
        yield last
