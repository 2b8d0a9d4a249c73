"""The Python client through HTTP proxies, and at a server that a proxy has below a path."""

import asyncio
import logging

import numpy as np
import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client import ConnectionFailedError, Watch, connect, connect_async
from maskstream_client.videos import Videos
from maskstream_protocol.errors import ForbiddenError
from support.front import below, http_proxy
from support.server import running_server

FRAMES = [np.full((36, 64, 3), 10 * index, np.uint8) for index in range(3)]
ANY_PROXY = [f"{name}_PROXY" for name in ("HTTP", "HTTPS", "ALL", "NO")]


@pytest.fixture
def environment(monkeypatch):
    for name in ANY_PROXY:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", numbered_frames(3))


def labels(url, **options):
    with connect(url, **options) as client:
        return [result.objects[0].label for _, result in client.stream(FRAMES)]


def port_of(live):
    return int(live.url.rsplit(":", 1)[1])


def test_a_stream_and_a_video_reach_a_server_below_a_path(environment, clip, tmp_path):
    with running_server() as live, below("/mask", port_of(live)) as front:
        url = f"http://127.0.0.1:{front.port}/mask/"
        assert labels(url) == ["thing"] * 3
        videos = Videos(url)
        (path,) = videos.download(videos.wait(videos.submit(clip)), tmp_path / "out")
        assert path.read_text().startswith("[")
    assert all(line.split(" ")[1].startswith("/mask/v1/") for line in front.requests)
    assert "GET /mask/v1/models/fake" in front.requests
    assert any(line.startswith("PATCH /mask/v1/uploads/") for line in front.requests)


async def test_a_viewer_reaches_a_server_below_a_path(environment):
    with running_server() as live, below("/mask", port_of(live)) as front:
        async with connect_async(live.url) as client:
            greeted = asyncio.Event()
            viewer = Watch(
                f"ws://127.0.0.1:{front.port}/mask",
                client.session,
                on_event=lambda _: greeted.set(),
            )
            seen = asyncio.create_task(labels_of(viewer))
            await greeted.wait()
            for frame in FRAMES:
                await client.send(frame)
            await client.flush()
        assert await seen == ["thing"] * 3
    assert front.requests[0].startswith("GET /mask/v1/sessions/")


async def labels_of(viewer):
    return [result.objects[0].label async for result in viewer.results()]


def test_a_stream_and_a_video_go_through_an_http_proxy(environment, clip, tmp_path):
    with running_server() as live, http_proxy() as proxy:
        environment.setenv("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        assert labels(live.url) == ["thing"] * 3
        assert proxy.requests == [
            f"CONNECT 127.0.0.1:{port_of(live)}",
            f"GET {live.url}/v1/models/fake",
        ]
        videos = Videos(live.url)
        videos.wait(videos.submit(clip))
        through = len(proxy.requests)
        assert through > 4
        environment.setenv("NO_PROXY", "127.0.0.1")
        assert labels(live.url) == ["thing"] * 3
        assert videos.get(next(videos.list(1))).state == "done"
        assert len(proxy.requests) > through  # those videos were given the proxy


def test_a_proxy_that_lets_nobody_through_is_named(environment, clip):
    with http_proxy(refuses=True) as proxy:
        environment.setenv("HTTP_PROXY", f"http://me:word@127.0.0.1:{proxy.port}")
        for reach in (lambda url: connect(url), lambda url: Videos(url).submit(clip)):
            with pytest.raises((ConnectionFailedError, ForbiddenError)) as raised:
                reach("http://127.0.0.1:9")
            assert f"through the proxy http://127.0.0.1:{proxy.port}" in str(raised.value)
            assert "word" not in str(raised.value)


def test_neither_key_nor_token_is_in_a_debugging_log(environment, caplog):
    caplog.set_level(logging.DEBUG)
    key = "k" * 16
    with running_server(api_keys=(key,)) as live, connect(live.url, api_key=key) as client:
        list(client.stream(FRAMES))
        token = client.resume_token
    server = ("maskstream_server", "uvicorn", "docket", "websockets.server")
    mine = [each for each in caplog.records if not each.name.startswith(server)]
    words = "\n".join(record.getMessage() for record in mine)
    assert mine
    assert key not in words
    assert token not in words
