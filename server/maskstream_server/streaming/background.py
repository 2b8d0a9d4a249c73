"""Tasks that outlive the connection that began them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog


class Background:
    """Runs such tasks, as the last commits of a session."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` to its end; what it raises is logged."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def finish(self, within_s: float) -> None:
        """Wait for all; what is not done by then is cancelled."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            structlog.get_logger(__name__).error("background_task_failed", exc_info=error)
