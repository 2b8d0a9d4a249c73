"""A session has one holder and one order of frames, whatever clients and clocks do."""

import asyncio
import time

import pytest

from maskstream_client import AsyncClient, RetryRules, StreamOptions
from maskstream_protocol.errors import TakenOverError
from support.raw_client import frame_message, grey, jpeg, raw_client
from support.redis_server import RedisServer
from support.server import LiveServer, running_server

HOUR_S = 3600


@pytest.fixture(scope="module")
def pair(shared_redis: RedisServer):
    """Two servers that share a store."""
    with (
        running_server(store=shared_redis.url) as first,
        running_server(store=shared_redis.url) as second,
    ):
        yield first, second


async def test_of_clients_with_one_token_the_newest_continues_and_the_others_are_reported(pair):
    first, second = pair
    async with raw_client(first.ws_url) as client:
        welcome = await client.hello()
        await client.answer(grey())
        await client.flush()
    resume = {"token": welcome["resume_token"], "last_sequence": 1}
    async with (
        raw_client(first.ws_url) as one,
        raw_client(second.ws_url) as two,
        raw_client(first.ws_url) as three,
    ):
        clients = [one, two, three]
        await asyncio.gather(*(each.say(type="hello", resume=resume) for each in clients))
        ends = [asyncio.create_task(each.end()) for each in clients]
        done, left = await asyncio.wait(ends, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        while len(left) > 1:
            more, left = await asyncio.wait(left, timeout=60, return_when=asyncio.FIRST_COMPLETED)
            done |= more
        assert [task.result() for task in done] == [4409, 4409]
        (winner,) = left
        winner.cancel()
        await asyncio.wait([winner])
        client = clients[ends.index(winner)]
        client.next_sequence = 2
        assert (await client.answer(grey())).tracks[0].age == 2


async def test_a_python_client_whose_session_another_took_is_reported_and_does_not_fight(pair):
    first, second = pair
    urls = f"{first.url},{second.url}"
    options = StreamOptions(retry=RetryRules(first_delay_s=0.01))
    async with AsyncClient(urls, options) as client:
        await client.send(grey())
        await client.flush()
        async with raw_client(second.ws_url) as thief:
            resume = {"token": client.resume_token, "last_sequence": 1}
            assert (await thief.hello(resume=resume))["resumed"]
            with pytest.raises(TakenOverError):
                await asyncio.wait_for(stream_for_ever(client), 10)
            assert (await thief.answer(grey())).tracks[0].age == 2


async def stream_for_ever(client: AsyncClient) -> None:
    while True:
        await client.send(grey())
        await client.flush()


async def test_a_repeated_and_a_skipped_frame_are_reported_and_change_nothing(pair):
    first, second = pair
    async with raw_client(first.ws_url) as client:
        welcome = await client.hello()
        for _ in range(3):
            await client.answer(grey())
        for wrong in (3, 1, 5, 2**63):
            await client.socket.send(frame_message(wrong, jpeg(grey())))
            error = await client.get("error")
            assert (error["code"], error["expected"]) == ("sequence_gap", 4)
            assert (error["sequence"], error["fatal"]) == (wrong, False)
        assert (await client.answer(grey())).tracks[0].age == 4
        await client.flush()
    async with raw_client(second.ws_url) as again:
        resume = {"token": welcome["resume_token"], "last_sequence": 4}
        assert (await again.hello(resume=resume))["next_sequence"] == 5
        await again.socket.send(frame_message(4, jpeg(grey())))
        assert (await again.get("error"))["expected"] == 5
        assert (await again.answer(grey())).tracks[0].age == 5


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
async def test_a_servers_clock_that_jumps_changes_nothing(
    pair: tuple[LiveServer, LiveServer], jump_s: float, monkeypatch: pytest.MonkeyPatch
):
    first, second = pair
    real = time.time
    async with raw_client(first.ws_url) as client:
        welcome = await client.hello()
        assert (await client.answer(grey())).tracks[0].age == 1
        monkeypatch.setattr(time, "time", lambda: real() + jump_s)
        assert (await client.answer(grey())).tracks[0].age == 2
        await client.flush()
        await asyncio.sleep(1.5)  # a renewal of the lease, too
        assert (await client.answer(grey())).tracks[0].age == 3
        await client.flush()
    async with raw_client(second.ws_url) as again:
        resume = {"token": welcome["resume_token"], "last_sequence": 3}
        assert (await again.hello(resume=resume))["resumed"]
        assert (await again.answer(grey())).tracks[0].age == 4


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
async def test_a_stores_clock_that_jumps_loses_nothing_of_a_running_stream(
    own_redis: RedisServer, jump_s: float
):
    with running_server(store=own_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
            jump(own_redis, jump_s)
            for _ in range(3):
                await client.answer(grey())
            await client.flush()
        async with raw_client(live.ws_url) as again:
            resume = {"token": welcome["resume_token"], "last_sequence": 4}
            welcome = await again.hello(resume=resume)
            assert (welcome["resumed"], welcome["next_sequence"]) == (True, 5)
            assert (await again.answer(grey())).tracks[0].age == 5
            await again.flush()
        jump(own_redis, jump_s)
        async with raw_client(live.ws_url) as late:
            resume = {"token": welcome["resume_token"], "last_sequence": 5}
            welcome = await late.hello(resume=resume)
            assert welcome["resumed"] == (jump_s < 0)
            if jump_s > 0:
                assert (await late.get("reset"))["reason"] == "expired"


def jump(redis: RedisServer, seconds: float) -> None:
    """What a jump of the store's clock does: every key has so much less, or more, to live."""
    with redis.client() as client:
        for key in client.scan_iter():
            client.pexpire(key, max(0, client.pttl(key) - round(1000 * seconds)))
