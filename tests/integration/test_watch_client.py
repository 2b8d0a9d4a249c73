"""The Python client as a viewer, against the real server."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from maskstream_client import (
    AsyncClient,
    ConnectionFailedError,
    Result,
    RetryRules,
    SessionUnknownError,
    Watch,
    connect,
    connect_async,
    events,
    watch,
)
from maskstream_protocol.errors import UnauthorizedError
from support.redis_server import free_port
from support.server import running_server

FRAMES = [np.full((36, 64, 3), 10 * index, np.uint8) for index in range(8)]
FAST = RetryRules(first_delay_s=0.05, max_delay_s=0.2, give_up_after_s=20.0)


class Viewer:
    """Takes a session's results in a task of its own."""

    def __init__(self, url: str, session: str, **options: object) -> None:
        self.heard: list[events.Event] = []
        self.results: list[Result] = []
        watching = Watch(url, session, on_event=self.heard.append, retry=FAST, **options)
        self.task = asyncio.create_task(self._take(watching))

    async def _take(self, watching: Watch) -> None:
        async for result in watching.results(every_frame=True):
            self.results.append(result)

    async def hear(self, kind: type, number: int = 1) -> None:
        await self._until(lambda: sum(isinstance(each, kind) for each in self.heard) >= number)

    async def see(self, frame_index: int) -> list[Result]:
        await self._until(lambda: bool(self.results) and self.seen[-1] >= frame_index)
        return self.results

    @property
    def seen(self) -> list[int]:
        return [result.frame_index for result in self.results]

    async def _until(self, holds) -> None:
        async with asyncio.timeout(60):
            while not holds():
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def viewing(url: str, session: str | None) -> AsyncIterator[Viewer]:
    assert session is not None
    viewer = Viewer(url, session)
    try:
        await viewer.hear(events.Watching)
        yield viewer
    finally:
        viewer.task.cancel()
        await asyncio.wait([viewer.task])


async def step(client: AsyncClient, index: int) -> Result:
    await client.send(FRAMES[index % len(FRAMES)])
    result = await client.receive()
    assert result is not None
    return result


def facts(result: Result) -> tuple:
    masks = [item.mask().tobytes() for item in result.objects]
    return result.frame_index, result.epoch, [item.label for item in result.objects], masks


async def test_a_viewer_sees_what_the_client_sees_until_the_session_ends(live_server):
    async with connect_async(live_server.url) as client:
        await step(client, 0)
        await client.flush()
        async with viewing(live_server.url, client.session) as viewer:
            sent = [await step(client, index) for index in range(1, 8)]
            shown = await viewer.see(7)
            assert list(map(facts, shown)) == list(map(facts, sent))
            assert all(result.message.durable for result in shown)
            await client.close()
            await asyncio.wait_for(viewer.task, 20)


async def test_a_reset_of_the_client_is_reported_to_its_viewers(live_server):
    async with connect_async(live_server.url) as client:
        await step(client, 0)
        await client.flush()
        async with viewing(live_server.url, client.session) as viewer:
            await client.reset()
            await step(client, 1)
            (first,) = await viewer.see(1)
    assert first.reset == events.IdentitiesReset(2, "client")
    assert first.reset in viewer.heard


async def test_a_viewer_whose_server_stops_continues_at_the_next_and_misses_nothing_silently(
    shared_redis,
):
    store = shared_redis.url
    with running_server(store=store) as first, running_server(store=store) as second:
        async with connect_async(second.url) as client:
            await step(client, 0)
            async with viewing(f"{first.url},{second.url}", client.session) as viewer:
                await step(client, 1)
                await viewer.see(1)
                await asyncio.to_thread(first.stop)
                await step(client, 2)
                await viewer.hear(events.Watching, 2)
                await step(client, 3)
                await viewer.see(3)
    begun = viewer.seen[0]
    assert viewer.seen == list(range(begun, 4))
    assert [each.drop_reason for each in viewer.results if each.frame_index in (1, 3)] == [None] * 2


def test_a_program_without_asyncio_can_watch(live_server):
    shown: list[int] = []
    let_in = threading.Event()

    def hear(event: events.Event) -> None:
        if isinstance(event, events.Watching):
            let_in.set()

    with connect(live_server.url) as client:
        results = watch(live_server.url, client.session, on_event=hear)
        viewer = threading.Thread(
            target=lambda: shown.extend(result.frame_index for result in results)
        )
        viewer.start()
        assert let_in.wait(60)
        sent = [result.frame_index for _, result in client.stream(FRAMES)]
    viewer.join(60)
    assert shown == sent == list(range(8))


def test_the_shell_prints_a_line_for_each_frame(live_server):
    with connect(live_server.url) as client:
        assert client.session is not None
        program = "from maskstream_client.commands import watch; watch()"
        command = [sys.executable, "-c", program, client.session, "--url", live_server.url]
        with subprocess.Popen([*command, "--max-frames", "3"], stdout=subprocess.PIPE) as process:
            while process.poll() is None:
                client.send(FRAMES[1])
                last = client.receive()
            assert process.stdout is not None
            lines = [json.loads(line) for line in process.stdout]
    assert process.returncode == 0
    first = lines[0]["frame"]
    assert [line["frame"] for line in lines] == [first, first + 1, first + 2]
    (item,) = lines[0]["objects"]
    assert (item["track_id"], item["label"], lines[0]["epoch"]) == (1, "thing", 1)
    assert item.keys() == {
        "track_id",
        "class_id",
        "label",
        "score",
        "status",
        "age",
        "box",
        "area",
        "segmentation",
    }  # as in the lines of whole videos
    assert last is not None


def test_the_shell_mentions_some_classes_and_lists_them_for_an_unknown_name(live_server):
    def watched(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-c", program, client.session, "--url", live_server.url]
        with subprocess.Popen(
            [*command, "--max-frames", "1", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            while process.poll() is None:
                client.send(FRAMES[1])
                client.receive()
            assert process.stdout is not None
            return process.returncode, process.stdout.read()

    program = "from maskstream_client.commands import watch; watch()"
    with connect(live_server.url) as client:
        status, line = watched("--classes", "x, thing")
        assert (status, [each["label"] for each in json.loads(line)["objects"]]) == (0, ["thing"])
        status, line = watched("--class", "x")
        assert (status, json.loads(line)["objects"]) == (0, [])
        status, line = watched("--classes", "x,nothing")
        assert status != 0
        assert "no class 'nothing'; the classes are: thing, x." in line


@pytest.mark.parametrize("session", ["nobody", "no.name"])
def test_an_unknown_session_is_a_typed_error(live_server, session):
    with pytest.raises(SessionUnknownError, match=session):
        next(watch(live_server.url, session))


def test_a_server_that_is_not_there_and_a_missing_key_are_typed_errors():
    with pytest.raises(ConnectionFailedError):
        next(watch(f"ws://127.0.0.1:{free_port()}", "abc"))
    with running_server(api_keys="a-key-for-testing") as live:
        with pytest.raises(UnauthorizedError):
            next(watch(live.url, "abc"))
        with pytest.raises(SessionUnknownError):
            next(watch(live.url, "abc", api_key="a-key-for-testing"))
