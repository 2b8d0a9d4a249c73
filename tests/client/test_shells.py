"""The two shells over real sockets, against a small fake server."""

import asyncio
import threading

import numpy as np
import pytest

from client.fake_server import FULL, Script, ThreadedServer, serving
from maskstream_client import (
    AsyncClient,
    Client,
    ConnectionFailedError,
    RetryRules,
    StreamOptions,
    UnreadResultsError,
    connect,
    connect_async,
    events,
)
from maskstream_client.inbox import MAX_UNREAD_RESULTS
from maskstream_protocol.errors import ModelUnknownError, ServerFullError, TakenOverError

FAST = RetryRules(first_delay_s=0.01, max_delay_s=0.05, give_up_after_s=5.0)
FRAME = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
FRAMES = [np.full((12, 16, 3), index, np.uint8) for index in range(10)]


def seen(results):
    """For each result the number of frames that the session had seen."""
    return [result.objects[0].class_id for result in results]


async def test_frames_come_back_as_results_in_order():
    async with serving() as server, connect_async(server.url) as client:
        pairs = [pair async for pair in client.stream(FRAMES)]
    assert [frame[0, 0, 0] for frame, _ in pairs] == list(range(10))
    assert seen(result for _, result in pairs) == list(range(1, 11))
    assert [result.frame_index for _, result in pairs] == list(range(10))
    assert server.ended


async def test_frames_may_come_asynchronously():
    async def arrays():
        for frame in FRAMES:
            await asyncio.sleep(0)
            yield frame

    async with serving() as server, connect_async(server.url) as client:
        pairs = [pair async for pair in client.stream(arrays())]
    assert [frame[0, 0, 0] for frame, _ in pairs] == list(range(10))
    assert seen(result for _, result in pairs) == list(range(1, 11))


def test_ten_lines_are_enough():
    with ThreadedServer() as server, connect(server.url) as client:
        lines = [
            (item.track_id, item.label, item.box)
            for frame, result in client.stream(FRAMES[:2])
            for item in result.objects
        ]
    assert lines == [(7, "animal", (1, 1, 4, 3)), (7, "class 2", (1, 1, 4, 3))]


@pytest.mark.parametrize("code", [None, 1001, 1011, 1012, 4408])
async def test_a_lost_connection_is_taken_up_where_the_server_stopped(code):
    heard = []
    options = StreamOptions(retry=FAST)
    async with (
        serving(Script(3, code), Script(4, code)) as server,
        AsyncClient(server.url, options, on_event=heard.append) as client,
    ):
        results = [result async for _, result in client.stream(FRAMES)]
    assert seen(results) == list(range(1, 11))
    assert [type(each) for each in heard].count(events.ConnectionLost) == 2
    assert [hello.resume and hello.resume.token for hello in server.hellos] == [
        None,
        "token1",
        "token2",
    ]


async def test_another_server_of_the_same_store_continues_at_once():
    slow = RetryRules(first_delay_s=60)
    async with serving(Script(3, None)) as first, serving() as second:
        second.committed = 3
        urls = f"{first.url}, {second.url}"
        async with AsyncClient(urls, StreamOptions(retry=slow)) as client:
            results = [result async for _, result in client.stream(FRAMES)]
    assert seen(results) == list(range(1, 11))
    assert [hello.resume.token for hello in second.hellos] == ["token1"]


async def test_the_first_of_two_servers_may_be_away_or_full_when_a_stream_begins():
    full = ServerFullError("No free slot.", retry_after_ms=60_000)
    async with serving(Script(refuse=full)) as first, serving() as second:
        urls = f"ws://127.0.0.1:9,{first.url},{second.url}"
        async with AsyncClient(urls) as client:
            assert seen([result async for _, result in client.stream(FRAMES[:2])]) == [1, 2]


async def test_a_server_without_a_sign_of_life_is_given_up():
    rules = RetryRules(dead_after_s=0.2)
    async with serving(Script(freeze_after=3)) as first, serving() as second:
        second.committed = 3
        urls = f"{first.url},{second.url}"
        async with AsyncClient(urls, StreamOptions(retry=rules)) as client:
            results = [result async for _, result in client.stream(FRAMES)]
    assert seen(results) == list(range(1, 11))


async def test_identities_that_start_over_are_never_silent():
    heard = []
    options = StreamOptions(retry=FAST)
    async with (
        serving(Script(3, 1012), Script(forget=True)) as server,
        AsyncClient(server.url, options, on_event=heard.append) as client,
    ):
        results = [result async for _, result in client.stream(FRAMES)]
    assert events.IdentitiesReset(1, "expired") in heard
    assert [bool(result.reset) for result in results].count(True) == 1
    assert seen(results) == [1, 2, 3, *range(1, 8)]


async def test_a_reset_is_logged_where_nobody_listens(caplog):
    async with serving() as server, connect_async(server.url) as client:
        await client.reset()
        await client.send(FRAME)
        result = await client.receive()
    assert result.reset == events.IdentitiesReset(2, "client")
    assert (result.epoch, "Identities start over" in caplog.text) == (2, True)


async def test_flush_returns_when_everything_is_answered():
    async with serving() as server, connect_async(server.url) as client:
        await client.send(FRAME)
        await client.flush()
        assert client.receive_nowait() is not None


async def test_a_dropped_frame_is_shown_when_every_frame_is_wanted():
    async with serving(Script(drop=(2,))) as server, connect_async(server.url) as client:
        pairs = [pair async for pair in client.stream(FRAMES[:3], every_frame=True)]
        rest = [pair async for pair in client.stream(FRAMES[:1])]
    assert [result.drop_reason for _, result in pairs] == [None, "undecodable", None]
    assert pairs[1][1].objects == ()
    assert seen(result for _, result in rest) == [4]


async def test_results_of_all_sent_frames_end_by_themselves():
    async with serving() as server, connect_async(server.url) as client:
        for frame in FRAMES[:3]:
            await client.send(frame)
        assert seen([result async for result in client.results()]) == [1, 2, 3]
        assert await client.receive() is None


@pytest.mark.parametrize("picture", ["jpeg", "png", "webp", "rgb24"])
async def test_arrays_travel_in_the_wanted_codec(picture):
    async with serving() as server, connect_async(server.url, picture=picture) as client:
        await client.send(FRAME)
        assert (await client.receive()).frame_size == (12, 16)
    assert server.payload_sizes[0] > 0


async def test_a_detached_session_continues_with_its_token():
    async with serving() as server:
        first = connect_async(server.url)
        await first.open()
        await first.send(FRAME)
        await first.receive()
        await first.detach()
        assert not server.ended
        async with connect_async(server.url, resume_token=first.resume_token) as second:
            await second.send(FRAME)
            assert seen([await second.receive()]) == [2]


async def test_the_key_is_a_bearer_token():
    async with serving() as server, connect_async(server.url, api_key="secret"):
        pass
    assert server.headers == ["Bearer secret"]


async def test_no_server_is_one_clear_sentence():
    with pytest.raises(ConnectionFailedError, match=r"^No server can be reached at ws://.*\.$"):
        await connect_async("ws://127.0.0.1:9").open()


@pytest.mark.parametrize(
    ("error", "kind"),
    [(FULL, ServerFullError), (ModelUnknownError("No such model."), ModelUnknownError)],
)
async def test_a_refused_stream_is_a_typed_error(error, kind):
    async with serving(Script(refuse=error)) as server:
        with pytest.raises(kind, match=str(error)):
            await connect_async(server.url, retry=RetryRules(give_up_after_s=0)).open()


async def test_a_server_that_warms_up_is_waited_for_and_that_is_said_once():
    heard, warm = [], ServerFullError("The model is warming up.", retry_after_ms=1)
    options = StreamOptions(retry=FAST)
    async with (
        serving(*[Script(refuse=warm)] * 3) as server,
        AsyncClient(server.url, options, on_event=heard.append) as client,
    ):
        results = [result async for _, result in client.stream(FRAMES[:2])]
    assert seen(results) == [1, 2]
    assert len(server.hellos) == 4
    (said,) = [each for each in heard if not isinstance(each, events.Connected)]
    assert said.reason == "The model is warming up."


async def test_a_full_server_is_tried_again_once_the_stream_was_open():
    options = StreamOptions(retry=FAST)
    async with (
        serving(Script(2, 1012), Script(refuse=FULL), Script(refuse=FULL)) as server,
        AsyncClient(server.url, options) as client,
    ):
        results = [result async for _, result in client.stream(FRAMES[:4])]
    assert seen(results) == [1, 2, 3, 4]


async def test_a_session_that_was_taken_over_is_not_taken_back():
    options = StreamOptions(retry=FAST)
    async with (
        serving(Script(2, 1012), Script(refuse=TakenOverError("Taken."))) as server,
        AsyncClient(server.url, options) as client,
    ):
        with pytest.raises(TakenOverError):
            async for _ in client.stream(FRAMES):
                pass


async def test_the_client_gives_up_in_the_end():
    options = StreamOptions(retry=RetryRules(0.01, 0.02, give_up_after_s=0.1))
    async with serving(Script(1, None)) as server:
        client = AsyncClient(server.url, options)
        await client.open()
        server.scripts = [Script(refuse=FULL)] * 100
        with pytest.raises((ConnectionFailedError, ServerFullError)):
            async for _ in client.stream(FRAMES):
                pass
        await client.close()


async def test_a_reader_and_a_sender_may_be_two_tasks():
    async def read(client):
        results = []
        while (result := await client.receive(wait=True)) is not None:
            results.append(result)
        return results

    async with serving() as server, connect_async(server.url) as client:
        reader = asyncio.create_task(read(client))
        for frame in FRAMES:
            await client.send(frame)
        await client.flush()
    assert seen(await reader) == list(range(1, 11))


async def test_results_that_nobody_reads_stop_the_sending():
    async with serving() as server, connect_async(server.url) as client:
        client._inbox._unread.extend([None] * MAX_UNREAD_RESULTS)
        with pytest.raises(UnreadResultsError):
            await client.send(FRAME)


def test_a_blocking_client_resumes_too():
    with (
        ThreadedServer(Script(3, None)) as server,
        Client(server.url, StreamOptions(retry=FAST)) as client,
    ):
        for frame in FRAMES[:6]:
            client.send(frame)
        assert seen(client.results()) == [1, 2, 3, 4, 5, 6]
        client.flush()
        client.reset()
        client.send(FRAME)
        assert client.receive().epoch == 2


def test_a_blocking_client_that_finds_no_server_leaves_no_thread():
    before = set(threading.enumerate())
    with pytest.raises(ConnectionFailedError):
        connect("ws://127.0.0.1:9")
    assert set(threading.enumerate()) <= before
