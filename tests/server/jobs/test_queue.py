"""What the queue of videos guarantees, in memory and on Redis."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from maskstream_server.jobs.queue import VideoQueue, Work

REDELIVER_S = 1.0
SOON_S = 150.0
MakeQueue = Callable[[], VideoQueue]


@pytest.fixture(params=["memory", "redis"])
async def make_queue(request: pytest.FixtureRequest) -> AsyncIterator[MakeQueue]:
    """Makes queues, each as of a process of its own, that share what waits."""
    url = f"memory://{uuid.uuid4()}"
    if request.param == "redis":
        server = request.getfixturevalue("shared_redis")
        server.client().flushall()
        url = server.url
    queues: list[VideoQueue] = []

    def make() -> VideoQueue:
        queues.append(VideoQueue(url, REDELIVER_S))
        return queues[-1]

    yield make
    for queue in queues:
        await queue.close()


@asynccontextmanager
async def running(queue: VideoQueue, work: Work, concurrency: int = 1) -> AsyncIterator[None]:
    task = asyncio.create_task(queue.run(work, concurrency))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, SOON_S)


class Worked:
    """Work that notes what it was given, and continues until it is asked to end."""

    def __init__(self, ends: bool = True) -> None:
        self.begun: list[str] = []
        self.cancelled: list[str] = []
        self.may_end = asyncio.Event()
        if ends:
            self.may_end.set()

    async def __call__(self, video: str) -> None:
        self.begun.append(video)
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled.append(video)
            raise

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not condition():
                await asyncio.sleep(0.01)


async def none_pending(queue: VideoQueue) -> None:
    async with asyncio.timeout(SOON_S):
        while await queue.pending():
            await asyncio.sleep(0.02)


async def test_videos_are_worked_on_in_their_order(make_queue):
    queue, work = make_queue(), Worked()
    for video in "abc":
        await queue.enqueue(video)
    assert await queue.pending() == 3
    async with running(queue, work):
        await work.until(lambda: len(work.begun) == 3)
        await none_pending(queue)
    assert work.begun == ["a", "b", "c"]


async def test_a_video_in_the_queue_is_not_added_twice(make_queue):
    queue, work = make_queue(), Worked(ends=False)
    await queue.enqueue("a")
    await queue.enqueue("a")
    assert await queue.pending() == 1
    async with running(queue, work, concurrency=2):
        await work.until(lambda: work.begun == ["a"])
        await queue.enqueue("a")
        await queue.enqueue("b")
        await work.until(lambda: work.begun == ["a", "b"])
        work.may_end.set()
        await none_pending(queue)
    assert work.begun == ["a", "b"]


async def test_a_video_that_is_over_can_be_added_again(make_queue):
    queue, work = make_queue(), Worked()
    async with running(queue, work):
        for times in (1, 2):
            await queue.enqueue("a")
            await work.until(lambda times=times: len(work.begun) == times)
            await none_pending(queue)


async def test_work_that_fails_ends_only_itself(make_queue):
    queue, begun = make_queue(), []

    async def work(video: str) -> None:
        begun.append(video)
        if video == "a" and begun.count("a") == 1:
            raise RuntimeError("a bad one")

    async with running(queue, work):
        for video in ("a", "b", "a"):
            await queue.enqueue(video)
            await none_pending(queue)
    assert begun == ["a", "b", "a"]


async def test_no_more_videos_at_once_than_wanted(make_queue):
    queue, work = make_queue(), Worked(ends=False)
    async with running(queue, work, concurrency=2):
        for video in "abc":
            await queue.enqueue(video)
        await work.until(lambda: len(work.begun) == 2)
        await asyncio.sleep(0.5)
        assert len(work.begun) == 2
        work.may_end.set()
        await work.until(lambda: len(work.begun) == 3)


async def test_a_waiting_video_that_is_cancelled_never_begins(make_queue):
    queue, work = make_queue(), Worked()
    await queue.enqueue("a")
    await queue.enqueue("b")
    await queue.cancel("a")
    async with running(queue, work):
        await work.until(lambda: "b" in work.begun)
        await none_pending(queue)
    assert work.begun == ["b"]


async def test_work_on_a_cancelled_video_is_cancelled_and_does_not_begin_again(make_queue):
    desk, queue, work = make_queue(), make_queue(), Worked(ends=False)
    async with running(queue, work):
        await desk.enqueue("a")
        await work.until(lambda: work.begun == ["a"])
        await desk.cancel("a")
        await work.until(lambda: work.cancelled == ["a"])
        await none_pending(queue)
        await asyncio.sleep(2 * REDELIVER_S)
    assert work.begun == ["a"]


async def test_cancelling_what_is_not_there_changes_nothing(make_queue):
    await make_queue().cancel("a")


async def test_a_worker_that_stops_leaves_its_video_to_the_next(make_queue):
    queue, first, second = make_queue(), Worked(ends=False), Worked()
    await queue.enqueue("a")
    async with running(queue, first):
        await first.until(lambda: first.begun == ["a"])
    assert first.cancelled == ["a"]
    async with running(make_queue(), second):
        await second.until(lambda: second.begun == ["a"])
        await none_pending(queue)


async def test_long_work_is_not_taken_from_a_living_worker(make_queue):
    queue, first, second = make_queue(), Worked(ends=False), Worked()
    async with running(queue, first), running(make_queue(), second):
        await queue.enqueue("a")
        await first.until(lambda: bool(first.begun or second.begun))
        await asyncio.sleep(3 * REDELIVER_S)
        assert len(first.begun + second.begun) == 1
