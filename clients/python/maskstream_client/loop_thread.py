"""An event loop in a thread of its own, for methods that block until a coroutine is done."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Self, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines from the moment it is made until `stop`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="maskstream-client", daemon=True)
        self._thread.start()

    @property
    def is_running(self) -> bool:
        """Whether it is not stopped yet."""
        return self._thread.is_alive()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for a coroutine; where the waiting is interrupted (Ctrl-C) it is cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items of an asynchronous generator, one by one."""
        try:
            while True:
                try:
                    item = self.call(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            if self.is_running:
                # After an interrupt it may still be ending by itself.
                with suppress(RuntimeError):
                    self.call(items.aclose())

    def stop(self) -> None:
        """Cancel what still runs, and end."""
        if self.is_running:
            self._loop.call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self) -> None:
        # A runner cancels what is left, closes generators and waits for its worker threads.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._wait())

    async def _wait(self) -> None:
        await self._stopped.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run one coroutine, also where the caller's thread has a running loop (a notebook)."""
    with LoopThread() as loop:
        return loop.call(work)


def iterate_blocking(make: Callable[[], AsyncGenerator[T, None]]) -> Generator[T, None, None]:
    """The items of an asynchronous generator, one by one."""
    with LoopThread() as loop:
        yield from loop.iterate(make())


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await anext(items)
