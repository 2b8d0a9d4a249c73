"""Keeps only the newest item of a live source, for slow consumers."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_LAST_READ_S: Final = 15.0
"""A source must not be closed while it is read; reading from a URL ends after ten seconds."""


def newest(items: Iterable[T]) -> Generator[T, None, None]:
    """Read `items` in a thread; each step gives the newest one that was not given yet.

    Reading continues while the consumer is busy. An error of the source is raised there.
    """
    slot = _Slot[T]()
    thread = threading.Thread(
        target=slot.fill, args=(items,), name="maskstream-newest", daemon=True
    )
    thread.start()
    try:
        while (item := slot.take()) is not None:
            yield item
    finally:
        slot.stop()
        thread.join(_LAST_READ_S)


class _Slot(Generic[T]):
    """One place that a newer item overwrites."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._error: BaseException | None = None
        self._ended = False

    def fill(self, items: Iterable[T]) -> None:
        """Put item after item until they end or `stop` is called."""
        try:
            for item in items:
                with self._changed:
                    if self._ended:
                        return
                    self._item = item
                    self._changed.notify()
        except BaseException as error:
            self._error = error
        finally:
            self.stop()

    def take(self) -> T | None:
        """The newest item, waiting for one; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._ended)
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item

    def stop(self) -> None:
        """End: no more items are taken or come."""
        with self._changed:
            self._ended = True
            self._changed.notify()
