"""Viewers see what a session's client sees, on any server, and cannot hold it up."""

import asyncio
from collections.abc import Iterator

import pytest

from support.raw_client import RawClient, grey, raw_client
from support.server import LiveServer, running_server


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    redis = request.param == "redis" and request.getfixturevalue("shared_redis").url
    with running_server(store=redis or "memory", slow_reader_s=1.0) as live:
        yield live


def watch_url(live: LiveServer, session: str) -> str:
    return live.ws_url.replace("/v1/stream", f"/v1/sessions/{session}/watch")


async def show(viewer: RawClient, sequence: int) -> list:
    """What a viewer has seen when it has seen this frame."""
    while not viewer.results or viewer.results[-1].sequence < sequence:
        await viewer.read()
    return [(result.sequence, result.durable, result.seen) for result in viewer.results]


async def test_a_viewer_sees_the_same_results_from_where_it_came_in(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        for _ in range(3):
            await client.answer(grey())
        await client.flush()
        async with raw_client(watch_url(server, welcome["session"])) as viewer:
            watching = await viewer.get("watching")
            assert (watching["session"], watching["sequence"]) == (welcome["session"], 3)
            assert watching["model"] == welcome["model"]
            for _ in range(5):
                await client.answer(grey())
            shown = await show(viewer, 8)
            assert viewer.of("drop") == []
        assert shown == [(each.sequence, True, each.seen) for each in client.results[3:]]


async def test_a_viewer_is_notified_when_the_session_ends(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        async with raw_client(watch_url(server, welcome["session"])) as viewer:
            await viewer.get("watching")
            await client.answer(grey())
            await client.say(type="bye")
            assert (await client.end(), await viewer.end()) == (1000, 1000)
            assert [each.sequence for each in viewer.results] == [1]


async def test_what_a_viewer_sends_changes_nothing(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        async with raw_client(watch_url(server, welcome["session"])) as viewer:
            await viewer.get("watching")
            await viewer.send(grey())
            for message in ({"type": "reset"}, {"type": "bye"}, {"type": "hello"}):
                await viewer.say(**message)
            await viewer.socket.send("no json")
            ages = [(await client.answer(grey())).tracks[0].age for _ in range(3)]
            assert ages == [1, 2, 3]
            await show(viewer, 3)


async def test_a_viewer_that_does_not_read_delays_no_other(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello(masks="bits")
        noise = grey(height=720, width=1280)
        url = watch_url(server, welcome["session"])
        async with raw_client(url, max_queue=1) as lazy, raw_client(url) as eager:
            await lazy.get("watching")
            await eager.get("watching")
            lazy.socket.transport.pause_reading()
            async with asyncio.timeout(60), asyncio.TaskGroup() as both:
                # Read as they come: a viewer's queue at the server is bounded.
                shown = both.create_task(show(eager, 60))
                for _ in range(60):
                    await client.answer(noise)
            assert len(shown.result()) == 60


async def test_a_viewer_on_another_server_sees_a_takeover(shared_redis):
    store = shared_redis.url
    with running_server(store=store) as first, running_server(store=store) as second:
        async with raw_client(first.ws_url) as client:
            welcome = await client.hello()
            async with raw_client(watch_url(second, welcome["session"])) as viewer:
                await viewer.get("watching")
                await client.answer(grey())
                async with raw_client(second.ws_url) as again:
                    resume = {"token": welcome["resume_token"], "last_sequence": 1}
                    await again.hello(resume=resume)
                    await again.answer(grey())
                    shown = await show(viewer, again.results[-1].sequence)
        assert [sequence for sequence, _, _ in shown] == list(range(1, len(shown) + 1))


@pytest.mark.parametrize("session", ["nobody", "no.name"])
async def test_an_unknown_session_is_reported(server: LiveServer, session: str):
    async with raw_client(watch_url(server, session)) as viewer:
        assert await viewer.end() == 4404
        assert viewer.error_codes == ["session_unknown"]


async def test_viewers_have_their_own_limit():
    with running_server(max_viewers=1, max_sessions=1) as live:
        async with raw_client(live.ws_url) as client:
            url = watch_url(live, (await client.hello())["session"])
            async with raw_client(url) as viewer:
                await viewer.get("watching")
                with pytest.raises(Exception, match="503"):
                    async with raw_client(url):
                        pass
            async with asyncio.timeout(60):
                while True:
                    try:
                        async with raw_client(url) as late:
                            await late.get("watching")
                            return
                    except Exception:  # the first one's slot is not free yet
                        await asyncio.sleep(0.05)


async def test_viewers_need_a_key_where_there_is_one():
    with (
        running_server(api_keys="a-key-for-testing") as live,
        pytest.raises(Exception, match="401"),
    ):
        async with raw_client(watch_url(live, "abc")):
            pass
