"""Several decoding processes: one that fails holds up its own frame and nobody else's."""

import asyncio
import os
import signal
import sys
import time

import pytest
from structlog.testing import capture_logs

from maskstream_server.errors import StartError
from maskstream_server.pictures import pool as pool_module
from maskstream_server.pictures.pool import Sender
from maskstream_server.pictures.refusal import UndecodableError
from maskstream_server.pictures.worker import PictureWorker
from support.pictures import PNG, encoded, gradient, new_pool

SOON_S = 150.0
PICTURE = encoded(PNG, gradient())


async def until(condition) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_stuck_process_holds_up_one_frame_and_is_replaced():
    deaths: list[str] = []
    pool = new_pool(2, died=deaths.append, deadline_s=3.0)
    await pool.start()
    stuck = pool.workers[0].pid
    os.kill(stuck, signal.SIGSTOP)
    with capture_logs() as lines:
        answers = await asyncio.gather(
            *(pool.decode(PNG, PICTURE, Sender()) for _ in range(8)), return_exceptions=True
        )
        await until(lambda: pool.num_alive == 2)
    lost = [each for each in answers if isinstance(each, UndecodableError)]
    assert (len(lost), len(answers) - len(lost)) == (1, 7)
    assert stuck not in [worker.pid for worker in pool.workers]
    assert deaths == ["deadline"]
    assert [line["event"] for line in lines] == ["decoder_died"]
    pool.close()


async def test_a_killed_process_is_replaced_before_it_is_used():
    pool = new_pool()
    await pool.start()
    os.kill(pool.workers[0].pid, signal.SIGKILL)
    await until(lambda: pool.num_alive == 0)
    assert (await pool.decode(PNG, PICTURE, Sender())).shape == (24, 36, 3)
    pool.close()


async def test_frames_that_wait_in_vain_are_seen_by_the_clock():
    now_s = [100.0]
    pool = new_pool(clock=lambda: now_s[0])
    await pool.start()
    assert (pool.stalled_for_s(), pool.num_wanted) == (0.0, 0)
    os.kill(pool.workers[0].pid, signal.SIGSTOP)
    decoding = [asyncio.create_task(pool.decode(PNG, PICTURE, Sender())) for _ in range(2)]
    await until(lambda: pool.num_wanted == 2)
    now_s[0] += 50.0
    assert pool.stalled_for_s() == 50.0
    os.kill(pool.workers[0].pid, signal.SIGCONT)
    await asyncio.gather(*decoding)
    assert (pool.stalled_for_s(), pool.num_wanted) == (0.0, 0)
    pool.close()


async def test_who_sends_slow_pictures_does_not_hold_up_those_who_send_quick_ones():
    pool = new_pool()
    await pool.start()
    order = []

    async def send(name: str, sender: Sender) -> None:
        await pool.decode(PNG, PICTURE, sender)
        order.append(name)

    slow = Sender(cost_s=1.0)
    os.kill(pool.workers[0].pid, signal.SIGSTOP)
    sending = [asyncio.create_task(send("first", Sender()))]
    await until(lambda: pool.num_wanted == 1)
    names = ["slow", "slow", "quick", "slow", "quick"]
    for name in names:
        sender = slow if name == "slow" else Sender()
        sending.append(asyncio.create_task(send(name, sender)))
    await until(lambda: pool.num_wanted == 6)
    os.kill(pool.workers[0].pid, signal.SIGCONT)
    await asyncio.gather(*sending)
    assert order == ["first", "quick", "quick", "slow", "slow", "slow"]
    # Its pictures were quick now, and that is not forgotten at once.
    assert 0 < slow.cost_s < 1.0
    pool.close()


async def test_a_frame_whose_client_has_gone_costs_no_decoding():
    pool = new_pool()
    await pool.start()
    os.kill(pool.workers[0].pid, signal.SIGSTOP)
    decoding = [asyncio.create_task(pool.decode(PNG, PICTURE, Sender())) for _ in range(3)]
    await until(lambda: pool.num_wanted == 3)
    for task in decoding:
        task.cancel()
    os.kill(pool.workers[0].pid, signal.SIGCONT)
    await until(lambda: pool.num_wanted == 0)
    assert (await pool.decode(PNG, PICTURE, Sender())).shape == (24, 36, 3)
    pool.close()


async def test_a_pool_without_processes_does_not_start(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    pool = new_pool(2)
    with capture_logs(), pytest.raises(StartError, match="decode pictures"):
        await pool.start()
    pool.close()


async def test_a_process_that_could_not_be_started_is_tried_again(monkeypatch):
    monkeypatch.setattr(pool_module, "RETRY_S", 0.01)
    attempts = []
    start = PictureWorker.start

    def sometimes(worker: PictureWorker) -> None:
        attempts.append(worker)
        if len(attempts) <= 2:
            raise OSError("Resource temporarily unavailable")
        start(worker)

    monkeypatch.setattr(PictureWorker, "start", sometimes)
    pool = new_pool(2)
    with capture_logs() as lines:
        await asyncio.gather(pool.start(), return_exceptions=True)
        await until(lambda: pool.num_alive == 2)
    assert [line["event"] for line in lines] == ["decoder_not_started"] * 2
    pool.close()


async def test_closing_ends_all_processes_at_once_busy_ones_too():
    deaths: list[str] = []
    pool = new_pool(2, died=deaths.append)
    await pool.start()
    os.kill(pool.workers[0].pid, signal.SIGSTOP)
    decoding = [asyncio.create_task(pool.decode(PNG, PICTURE, Sender())) for _ in range(2)]
    await until(lambda: pool.num_wanted == 1)
    began_s = time.monotonic()
    pool.close()
    await asyncio.gather(*decoding, return_exceptions=True)
    await until(lambda: pool.num_alive == 0)
    assert time.monotonic() - began_s < SOON_S
    assert deaths == []
