"""The Python client against the real server, with the fake model."""

import asyncio

import numpy as np
import pytest

from maskstream_client import (
    AsyncClient,
    Client,
    RetryRules,
    StreamOptions,
    connect,
    connect_async,
    events,
)
from maskstream_protocol.errors import FrameTooLargeError, ModelUnknownError
from support.server import FakeModel, running_server

FRAMES = [np.full((36, 64, 3), 10 * index, np.uint8) for index in range(8)]
FAST = RetryRules(first_delay_s=0.05, max_delay_s=0.2, give_up_after_s=20.0)


def facts(result):
    """What must not change from run to run."""
    return [
        (item.track_id, item.class_id, item.status, item.age, item.box, item.mask().tobytes())
        for item in result.objects
    ]


def test_ten_lines_of_code_are_enough(live_server):
    lines = []
    with connect(live_server.url) as client:
        for _, result in client.stream(FRAMES):
            for item in result.objects:
                lines.append((item.track_id, item.label, item.age))
    assert lines == [(1, "thing", age) for age in range(1, 9)]


@pytest.mark.parametrize("masks", ["rle", "bits", "labelmap", "polygons"])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_every_encoding_gives_the_same_masks(live_server, masks, scale):
    with connect(live_server.url, masks=masks, mask_scale=scale) as client:
        results = [result for _, result in client.stream(FRAMES[:3])]
    with connect(live_server.url, mask_scale=scale) as client:
        plain = [result for _, result in client.stream(FRAMES[:3])]
    assert [facts(each) for each in results] == [facts(each) for each in plain]
    assert plain[0].objects[0].mask().shape == (36, 64)
    assert plain[0].objects[0].mask().any()


async def test_a_cut_line_changes_nothing_in_the_results(live_server):
    async with connect_async(live_server.ws_url) as client:
        whole = [facts(result) async for _, result in client.stream(FRAMES)]
    heard = []
    options = StreamOptions(retry=FAST)
    async with AsyncClient(live_server.url, options, on_event=heard.append) as client:
        cut = []
        async for _, result in client.stream(FRAMES):
            cut.append(facts(result))
            if result.frame_index in (1, 4):
                # A result may have waited here since before the last cut: cut a living line.
                await until(lambda: len(connections(heard)) == (1 if len(cut) == 2 else 2))
                client._connection._socket.transport.abort()
    assert cut == whole
    assert [each.welcome.resumed for each in connections(heard)] == [False, True, True]
    assert not any(isinstance(each, events.IdentitiesReset) for each in heard)


def connections(heard):
    return [each for each in heard if isinstance(each, events.Connected)]


async def until(holds):
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.005)


async def test_a_detached_session_continues_with_its_token(live_server):
    first = connect_async(live_server.url)
    await first.open()
    await first.send(FRAMES[0])
    await first.flush()
    await first.detach()
    async with connect_async(live_server.url, resume_token=first.resume_token) as second:
        await second.send(FRAMES[1])
        result = await second.receive()
    assert (result.sequence, result.objects[0].age) == (2, 2)


async def test_a_reset_starts_identities_over(live_server):
    heard = []
    async with AsyncClient(live_server.url, on_event=heard.append) as client:
        await client.send(FRAMES[0])
        await client.reset()
        await client.send(FRAMES[1])
        before, after = [result async for result in client.results()]
    assert (before.epoch, after.epoch, after.objects[0].age) == (1, 2, 1)
    assert after.reset == events.IdentitiesReset(2, "client")
    assert after.reset in heard


def test_latest_answers_the_newest_and_reports_what_it_dropped():
    with (
        running_server(FakeModel(step_s=0.1)) as live,
        connect(live.url, policy="latest", on_event=lambda event: None) as client,
    ):
        pairs = list(client.stream(FRAMES, every_frame=True))
    reasons = [result.drop_reason for _, result in pairs]
    assert len(pairs) == 8
    assert set(reasons) == {None, "superseded"}
    assert reasons[-1] is None
    assert [frame[0, 0, 0] for frame, _ in pairs] == [frame[0, 0, 0] for frame in FRAMES]


def test_a_frame_over_the_limit_is_refused_before_it_is_sent():
    with running_server(max_frame_bytes=2000) as live, connect(live.url, picture="rgb24") as client:
        with pytest.raises(FrameTooLargeError):
            client.send(FRAMES[0])
        client.send(FRAMES[0][:10, :20])
        assert client.receive().objects[0].age == 1


async def test_a_frame_of_more_pixels_than_the_limit_is_refused_before_it_is_sent():
    with running_server(max_frame_pixels=36 * 64 - 1) as live:
        async with connect_async(live.url) as client:
            with pytest.raises(FrameTooLargeError, match="64x36 has more pixels than the 2303"):
                await client.send(FRAMES[0])
            await client.send(FRAMES[0][:, 1:])
            assert (await client.receive()).objects[0].age == 1


def test_an_unknown_model_is_a_typed_error(live_server):
    with pytest.raises(ModelUnknownError):
        connect(live_server.url, model="none such")


def test_a_server_that_restarts_without_its_memory_is_reported_never_silently():
    heard = []
    with running_server() as first:
        port = int(first.url.rsplit(":", 1)[1])
        client = Client(first.url, StreamOptions(retry=FAST), on_event=heard.append)
        client.send(FRAMES[0])
        assert client.receive().objects[0].age == 1
    with running_server(port=port), client:
        client.send(FRAMES[1])
        result = client.receive()
    assert (result.frame_index, result.sequence, result.objects[0].age) == (1, 1, 1)
    assert result.reset in heard
    assert result.reset.reason in ("expired", "state_lost")
    kinds = [type(each) for each in heard]
    assert kinds.index(events.GoingAway) < kinds.index(events.ConnectionLost)


def test_a_server_that_restarts_with_its_memory_elsewhere_continues(own_redis):
    store = own_redis.url
    with running_server(store=store) as first:
        port = int(first.url.rsplit(":", 1)[1])
        client = Client(first.url, StreamOptions(retry=FAST), on_event=lambda event: None)
        for frame in FRAMES[:3]:
            client.send(frame)
        before = [result.objects[0].age for result in client.results()]
    with running_server(store=store, port=port), client:
        for frame in FRAMES[3:6]:
            client.send(frame)
        after = list(client.results())
    assert before + [result.objects[0].age for result in after] == [1, 2, 3, 4, 5, 6]
    assert [result.reset for result in after] == [None] * 3
