"""Overlapping windows of a stream of items, as values: what two of them share is decided once."""

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class WindowRule:
    """How a stream is cut.

    Attributes:
        window: items of a window, None for all of the stream.
        overlap: items that a window shares with the next one, of which each decides half; fewer
            than `window`.
    """

    window: int | None
    overlap: int

    @property
    def stride(self) -> int | None:
        """Items from one window to the next; None where there is only one."""
        return None if self.window is None else self.window - self.overlap


@dataclass(frozen=True)
class Window(Generic[Item]):
    """Consecutive items.

    Attributes:
        first: number of the first one in the stream, from 0.
        items: all that are seen together.
        decided: indices into `items` of those that this window decides; every item of the stream is
            decided by one window, in order.
    """

    first: int
    items: tuple[Item, ...]
    decided: range


@dataclass(frozen=True)
class OpenWindow(Generic[Item]):
    """The window that fills up.

    Attributes:
        first: number of its first item in the stream, from 0.
        decided: items before this number are decided.
        items: those that are there.
    """

    first: int = 0
    decided: int = 0
    items: tuple[Item, ...] = ()

    @property
    def end(self) -> int:
        """Number of the item that comes next."""
        return self.first + len(self.items)

    def add(self, item: Item, rule: WindowRule) -> tuple[Window[Item] | None, "OpenWindow[Item]"]:
        """Take the next item; a window that is full, and so not the last, is cut before it."""
        if len(self.items) != rule.window:
            return None, replace(self, items=(*self.items, item))
        stride, end = rule.window - rule.overlap, self.end - rule.overlap // 2
        rest = OpenWindow(self.first + stride, end, (*self.items[stride:], item))
        return self._until(end), rest

    def close(self) -> tuple[Window[Item] | None, "OpenWindow[Item]"]:
        """Cut what is there, which decides all that is left; the next item begins anew."""
        return self._until(self.end) if self.items else None, OpenWindow(self.end, self.end)

    def _until(self, end: int) -> Window[Item]:
        decided = range(self.decided - self.first, end - self.first)
        return Window(self.first, self.items, decided)
