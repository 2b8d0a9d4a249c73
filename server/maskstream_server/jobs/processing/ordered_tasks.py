"""Pieces of work that are done in the background, one after the other."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Self

MAX_BEHIND: Final = 8
"""Pieces of work that may wait: a slow disk or store holds the frames up only after so many."""


class OrderedTasks:
    """Does pieces of work one after the other; an async context manager.

    After one that fails none is done, and its error comes out of the next `put` or the end of the
    block. A block that ends in an error of its own waits for what is under way; a cancelled one
    drops it.
    """

    def __init__(self, max_behind: int = MAX_BEHIND) -> None:
        self._places = asyncio.Semaphore(max_behind)
        self._last: asyncio.Task[None] | None = None

    async def put(self, work: Callable[[], Awaitable[None]]) -> None:
        """Hand in the next piece; returns at once, or when there is a place for it.

        Raises:
            Exception: what a piece before it has failed with.
        """
        await self._places.acquire()
        if self._last is not None and self._last.done():
            self._last.result()
        self._last = asyncio.create_task(self._after(self._last, work))

    async def _after(
        self, before: asyncio.Task[None] | None, work: Callable[[], Awaitable[None]]
    ) -> None:
        try:
            if before is not None:
                await before
            await work()
        finally:
            self._places.release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if self._last is None:
            return
        if kind is not None and not issubclass(kind, Exception):
            self._last.cancel()
        (outcome,) = await asyncio.gather(self._last, return_exceptions=True)
        if kind is None and outcome is not None:
            raise outcome
