"""Going on after a lost connection, on the same server, with both stores and a real model."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support.raw_client import RawClient, Result, grey, raw_client
from support.server import FakeModel, LiveServer, running_server
from support.tiny import tiny_frames, tiny_model

FRAMES = tiny_frames(14, seed=3)


@pytest.fixture(params=["memory", "redis"])
def store_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory"
    return request.getfixturevalue("shared_redis").url


@pytest.fixture
def server(store_url: str) -> Iterator[LiveServer]:
    with running_server(
        tiny_model(), store=store_url, deterministic=True, credit_frames=32
    ) as live:
        yield live


def resume(welcome: dict, last_sequence: int) -> dict:
    return {"token": welcome["resume_token"], "last_sequence": last_sequence}


async def undisturbed(live: LiveServer) -> list[Result]:
    async with raw_client(live.ws_url) as client:
        await client.hello(min_score=0.0)
        for frame in FRAMES:
            await client.send(frame.tobytes(), codec=3, width=frame.shape[1], height=frame.shape[0])
        await client.flush()
        await client.say(type="bye")
        await client.end()
        return client.results


async def send_all(client: RawClient, first: int, last: int) -> None:
    for sequence in range(first, last + 1):
        frame = FRAMES[sequence - 1]
        await client.send(frame.tobytes(), codec=3, width=frame.shape[1], height=frame.shape[0])


@pytest.mark.parametrize("cut", [1, 5, 13])
async def test_identities_and_masks_are_those_of_an_undisturbed_run(server: LiveServer, cut: int):
    expected = await undisturbed(server)
    assert len({track.id for result in expected for track in result.tracks}) > 1
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello(min_score=0.0)
        await send_all(client, 1, cut)
        await client.flush()
        before = client.results
        client.socket.transport.abort()
    async with raw_client(server.ws_url) as again:
        welcome = await again.hello(min_score=0.0, resume=resume(welcome, cut))
        assert (welcome["resumed"], welcome["next_sequence"]) == (True, cut + 1)
        await send_all(again, cut + 1, len(FRAMES))
        await again.flush()
        after = again.results
    assert [result.seen for result in before + after] == [result.seen for result in expected]


async def test_a_connection_cut_in_the_middle_of_its_work_loses_nothing(server: LiveServer):
    expected = await undisturbed(server)
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello(min_score=0.0)
        await send_all(client, 1, 10)
        while len(client.results) < 4:
            await client.result()
        last = client.results[-1].sequence
        client.socket.transport.abort()
        seen = {result.sequence: result.seen for result in client.results}
    async with raw_client(server.ws_url) as again:
        welcome = await again.hello(min_score=0.0, resume=resume(welcome, last))
        await send_all(again, welcome["next_sequence"], len(FRAMES))
        await again.flush()
        for result in again.results:
            assert seen.setdefault(result.sequence, result.seen) == result.seen
    assert [seen[number] for number in sorted(seen)] == [result.seen for result in expected]


async def test_results_that_were_not_seen_are_repeated_and_marked_durable(store_url: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            for _ in range(4):
                await client.answer(grey())
            await client.flush()
            originals = client.results
        async with raw_client(live.ws_url) as again:
            await again.hello(resume=resume(welcome, 1))
            repeated = [await again.result() for _ in range(3)]
            assert [result.sequence for result in repeated] == [2, 3, 4]
            assert all(result.durable for result in repeated)
            assert [result.seen for result in repeated] == [each.seen for each in originals[1:]]
            await again.flush()
            assert sum(credit["frames"] for credit in again.of("credit")) == 0


async def test_no_more_results_are_kept_than_credit_has_frames_however_often_it_resumes(
    store_url: str,
):
    with running_server(store=store_url, credit_frames=4) as live:
        held = None
        for _ in range(5):
            async with raw_client(live.ws_url) as client:
                held = await client.hello(resume=held and resume(held, held["next_sequence"] - 1))
                for _ in range(3):
                    await client.answer(grey())
                await client.flush()
                held["next_sequence"] += 3
        async with raw_client(live.ws_url) as client:
            await client.hello(resume=resume(held, 0))
            await client.flush()
            assert [result.sequence for result in client.results] == [12, 13, 14, 15]


async def test_the_previous_token_lives_until_the_first_frame(store_url: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            first = await client.hello()
            await client.answer(grey())
            await client.flush()
        async with raw_client(live.ws_url) as client:
            second = await client.hello(resume=resume(first, 1))
            assert second["resume_token"] != first["resume_token"]
        async with raw_client(live.ws_url) as client:
            third = await client.hello(resume=resume(first, 1))
            assert third["resumed"], "a lost welcome must lose nothing"
            await client.answer(grey())
            await client.flush()
        for dead in (first, second):
            async with raw_client(live.ws_url) as client:
                assert not (await client.hello(resume=resume(dead, 1)))["resumed"]


@pytest.mark.parametrize(
    "token", ["", "nonsense", "abc.0123", "ab." + 32 * "0", "a}{b." + 32 * "0"]
)
async def test_a_dead_token_gets_a_new_session_and_is_reported_so(store_url: str, token: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(resume={"token": token, "last_sequence": 7})
            assert (welcome["resumed"], welcome["next_sequence"], welcome["epoch"]) == (False, 1, 1)
            reset = await client.get("reset")
            assert reset == {"type": "reset", "epoch": 1, "reason": "expired", "next_sequence": 1}
            assert (await client.answer(grey())).tracks[0].age == 1


async def test_a_session_that_said_bye_cannot_be_resumed(store_url: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.say(type="bye")
            assert await client.end() == 1000
        async with raw_client(live.ws_url) as client:
            assert not (await client.hello(resume=resume(welcome, 1)))["resumed"]


async def test_the_older_connection_is_reported_that_it_is_taken_over(store_url: str):
    with running_server(store=store_url, max_sessions=1) as live:
        async with raw_client(live.ws_url) as older, raw_client(live.ws_url) as newer:
            welcome = await older.hello()
            await older.answer(grey())
            await older.flush()
            resumed = await newer.hello(resume=resume(welcome, 1))
            assert resumed["resumed"]
            assert await older.end() == 4409
            assert older.error_codes == ["taken_over"]
            assert (await newer.answer(grey())).tracks[0].age == 2


async def test_a_takeover_while_a_frame_is_in_the_engine_sees_each_frame_once(store_url: str):
    with running_server(FakeModel(step_s=0.1), store=store_url, credit_frames=32) as live:
        async with raw_client(live.ws_url) as older, raw_client(live.ws_url) as newer:
            welcome = await older.hello()
            for _ in range(6):
                await older.send(grey())
            seen = [await older.result(), await older.result()]
            welcome = await newer.hello(resume=resume(welcome, 2))
            assert (await older.end(), older.error_codes) == (4409, ["taken_over"])
            for _ in range(welcome["next_sequence"], 10):
                await newer.send(grey())
            await newer.flush()
            ages = {each.sequence: each.tracks[0].age for each in seen + newer.results}
            assert ages == {sequence: sequence for sequence in range(1, 10)}
            assert newer.error_codes == []


async def test_a_reset_survives_the_connection(store_url: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.say(type="reset")
            await client.get("reset")
            await client.flush()
        async with raw_client(live.ws_url) as again:
            welcome = await again.hello(resume=resume(welcome, 1))
            assert (welcome["epoch"], welcome["next_sequence"]) == (2, 2)
            result = await again.answer(grey(), epoch=2)
            assert (result.first, result.tracks[0].age) == (True, 1)


async def test_a_dropped_frame_at_the_end_is_not_asked_for_again(store_url: str):
    with running_server(store=store_url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.send(b"no picture")
            await client.flush()
        async with raw_client(live.ws_url) as again:
            welcome = await again.hello(resume=resume(welcome, 1))
            assert welcome["next_sequence"] == 3


@pytest.mark.parametrize("name", ["other", "fake"])
async def test_another_model_says_so(shared_redis, name: str):
    other = FakeModel(name)
    other.info = replace(other.info, fingerprint="of other weights")
    with running_server(FakeModel("fake"), store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
    with running_server(other, store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            assert not (await client.hello(resume=resume(welcome, 1)))["resumed"]
            assert (await client.get("reset"))["reason"] == "model_changed"


async def test_a_restarted_server_continues_from_redis(shared_redis):
    with running_server(store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            stopping = asyncio.create_task(asyncio.to_thread(live.stop))
            assert await client.end() == 1012
            await stopping
    with running_server(store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(resume=resume(welcome, 1))
            assert (welcome["resumed"], welcome["next_sequence"]) == (True, 2)
            assert (await client.answer(grey())).tracks[0].age == 2


async def test_while_the_store_is_away_results_continue_and_catch_up(own_redis):
    with running_server(store=own_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
            own_redis.stop()
            for _ in range(12):
                await client.answer(grey())
            error = next(each for each in client.of("error"))
            assert (error["code"], error["fatal"], error["retry"]) == ("store_away", False, True)
            async with raw_client(live.ws_url) as other:
                await other.say(type="hello")
                assert await other.end() == 1013
            own_redis.start()
            assert (await client.flush())["sequence"] == 13
            assert len(client.of("store_back")) == 1
        async with raw_client(live.ws_url) as again:
            welcome = await again.hello(resume=resume(welcome, 13))
            assert (welcome["resumed"], welcome["next_sequence"]) == (True, 14)
            assert (await again.answer(grey())).tracks[0].age == 14
