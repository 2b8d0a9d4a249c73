"""Work that follows the frames of a video."""

import asyncio
from functools import partial

import pytest

from maskstream_server.jobs.processing.ordered_tasks import OrderedTasks

SOON_S = 5.0


class Slow:
    """Pieces of work that end when the test says so.

    Attributes:
        begun: their numbers.
        done: of those that have ended well.
        go_on: lets one more end for each release.
    """

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.done: list[int] = []
        self.go_on = asyncio.Semaphore(0)

    async def work(self, number: int, fails: bool = False) -> None:
        self.begun.append(number)
        await self.go_on.acquire()
        if fails:
            raise OSError(f"piece {number}")
        self.done.append(number)

    def let_go(self, pieces: int) -> None:
        for _ in range(pieces):
            self.go_on.release()


async def test_pieces_are_done_in_order_and_one_at_a_time_while_their_giver_continues():
    slow = Slow()
    async with OrderedTasks() as tasks:
        for number in range(4):
            await tasks.put(partial(slow.work, number))
        await asyncio.sleep(0)
        assert (slow.begun, slow.done) == ([0], [])
        slow.let_go(4)
    assert slow.begun == slow.done == [0, 1, 2, 3]


async def test_a_caller_that_submits_too_many_waits():
    slow = Slow()
    async with OrderedTasks(max_behind=2) as tasks:
        await tasks.put(partial(slow.work, 0))
        await tasks.put(partial(slow.work, 1))
        third = asyncio.create_task(tasks.put(partial(slow.work, 2)))
        await asyncio.sleep(0.02)
        assert not third.done()
        slow.let_go(1)
        await asyncio.wait_for(third, SOON_S)
        slow.let_go(2)
    assert slow.done == [0, 1, 2]


@pytest.mark.parametrize("max_behind", [1, 8])
async def test_after_a_piece_that_fails_none_is_done_and_its_giver_learns_of_it(max_behind):
    slow = Slow()
    slow.let_go(10)

    async def give() -> None:
        async with OrderedTasks(max_behind) as tasks:
            for number in range(5):
                await tasks.put(partial(slow.work, number, fails=number == 1))

    with pytest.raises(OSError, match="piece 1"):
        await give()
    assert slow.begun == [0, 1]


async def test_a_giver_that_fails_leaves_nothing_undone():
    slow = Slow()

    async def give() -> None:
        async with OrderedTasks() as tasks:
            await tasks.put(partial(slow.work, 0))
            await tasks.put(partial(slow.work, 1))
            slow.let_go(2)
            raise ValueError("a bad frame")

    with pytest.raises(ValueError, match="a bad frame"):
        await give()
    assert slow.done == [0, 1]


async def test_a_giver_that_is_cancelled_drops_the_rest():
    slow = Slow()

    async def give() -> None:
        async with OrderedTasks() as tasks:
            await tasks.put(partial(slow.work, 0))
            await tasks.put(partial(slow.work, 1))
            await asyncio.sleep(SOON_S)

    giving = asyncio.create_task(give())
    await asyncio.sleep(0.02)
    giving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(giving, SOON_S)
    slow.let_go(2)
    await asyncio.sleep(0.02)
    assert (slow.begun, slow.done) == ([0], [])
