"""Which video is worked on next, and by which worker: a small queue on pydocket.

pydocket pickles the arguments of its tasks, so that any client that can write into its Redis can
run code in its workers; all that is passed to it is the id of a video.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta

from docket import Docket, Worker

from maskstream_server.errors import StartError

NAME = "maskstream-videos"
TASK = "work_on_video"
ANSWER_S = 10.0
REDELIVER_S = 8.0
"""A worker that has given no sign of life for so long is dead; its video goes to another one."""

Work = Callable[[str], Awaitable[None]]


class VideoQueue:
    """Hands each video to one worker at a time, and again where that one died.

    It lives on Redis Streams; `memory://NAME` needs no Redis and ends with the process.

    Args:
        url: of a Redis, or `memory://NAME`; equal names in one event loop are one queue.
        redeliver_s: see `REDELIVER_S`.
    """

    def __init__(self, url: str, redeliver_s: float = REDELIVER_S) -> None:
        # Nothing of an execution that is over is kept: the record has it all.
        self._docket = Docket(NAME, url, execution_ttl=timedelta(0))
        self._docket.register(_elsewhere, names=[TASK])
        self._redeliver = timedelta(seconds=redeliver_s)
        self._opening: asyncio.Task[Docket] | None = None

    async def enqueue(self, video: str) -> None:
        """Add a video; nothing where it waits or is worked on already."""
        docket = await self._open()
        await docket.add(TASK, key=video)(video)

    async def run(self, work: Work, concurrency: int) -> None:
        """Call `work` with the ids of videos, until cancelled.

        `work` is cancelled where its video is, or with this call; then its video, unless it was
        cancelled itself, goes to another worker after `redeliver_s`.
        """
        docket = await self._open()
        under_way: set[asyncio.Task[None]] = set()

        async def tracked(video: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            under_way.add(task)
            try:
                await work(video)
            finally:
                under_way.discard(task)

        docket.register(tracked, names=[TASK])
        async with Worker(
            docket, concurrency=concurrency, redelivery_timeout=self._redeliver
        ) as worker:
            loop = asyncio.create_task(worker.run_forever())
            try:
                await asyncio.shield(loop)
            finally:
                # First the loop, so that it takes the end of its tasks for its own end.
                loop.cancel()
                for task in under_way:
                    task.cancel()
                await asyncio.gather(loop, return_exceptions=True)

    async def cancel(self, video: str) -> None:
        """Take a video out, and cancel the `work` on it, wherever that is."""
        await (await self._open()).cancel(video)

    async def pending(self) -> int:
        """Return how many videos wait or are worked on."""
        return (await (await self._open()).snapshot()).total_tasks

    async def has_worker(self, host: str) -> bool:
        """Return whether a worker on the machine of this name has given a sign of life of late."""
        # pydocket's workers have names of the form host#pid.
        workers = await (await self._open()).workers()
        return any(worker.name.rpartition("#")[0] == host for worker in workers)

    async def close(self) -> None:
        """Let connections go, after `run` has ended."""
        if self._opening is not None:
            await (await self._opening).__aexit__(None, None, None)
            self._opening = None

    async def _open(self) -> Docket:
        if self._opening is None:
            self._opening = asyncio.create_task(self._docket.__aenter__())
        return await asyncio.shield(self._opening)


async def _elsewhere(video: str) -> None:
    """Stand for the work in a process that only enqueues."""


def check_worker(store: str, host: str | None = None) -> None:
    """Ask the store for a worker on `host`, by default this machine.

    Raises:
        StartError: it has not been found of of late, or the store cannot be asked.
    """
    host = host or socket.gethostname()
    try:
        found = asyncio.run(_has_worker(store, host))
    except Exception as error:
        # Whatever a client of Redis raises: the worker cannot get at its videos either.
        raise StartError(f"The store cannot be asked for workers: {error!r}.") from error
    if not found:
        raise StartError(f"No worker on {host} has given a sign of life of late.")


async def _has_worker(store: str, host: str) -> bool:
    queue = VideoQueue(store)
    try:
        async with asyncio.timeout(ANSWER_S):
            return await queue.has_worker(host)
    finally:
        await queue.close()
