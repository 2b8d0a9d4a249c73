"""Each metric of a stream moves when what it counts happens, on a real server."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

import httpx
import numpy as np
import pytest

from support.fake_video import FakeDecoder
from support.raw_client import grey, raw_client
from support.redis_server import RedisServer
from support.server import POISON, FakeModel, LiveServer, running_server
from support.wire_client import WireClient


@pytest.fixture
def server():
    with running_server(max_sessions=2) as live:
        yield live


def soon(live: LiveServer, is_true: Callable[[], bool]) -> None:
    """What is counted after a message has left may come a moment after the client has it."""
    until = time.monotonic() + 5
    while not is_true():
        assert time.monotonic() < until, live.get("/metrics")
        time.sleep(0.01)


def num_timed(live: LiveServer, stage: str, count: int) -> bool:
    return live.metric("maskstream_stage_seconds_count", stage=stage) == count


def test_frames_in_and_out_with_their_bytes_and_times(server: LiveServer):
    with WireClient(server.ws_url) as client:
        for _ in range(3):
            client.step()
        soon(server, lambda: server.metric("maskstream_results_total") == 3)
        assert server.metric("maskstream_frames_received_total") == 3
        assert server.metric("maskstream_received_bytes_total") > 3 * 24 * 16 * 3
        assert 0 < server.metric("maskstream_sent_bytes_total") < 3000
        assert server.metric("maskstream_frame_seconds_count") == 3
        # The engine reports a step after it has handed the results out.
        soon(server, lambda: server.metric("maskstream_batch_frames_count") == 3)
        for stage in ("decode", "wait", "inference", "postprocess", "encode", "send"):
            soon(server, partial(num_timed, server, stage, 3))
        assert server.metric("maskstream_engine_busy_seconds_total") > 0


def test_sessions_and_slots(server: LiveServer):
    assert server.metric("maskstream_slots_free") == 2
    with WireClient(server.ws_url), WireClient(server.ws_url):
        assert server.metric("maskstream_sessions_live") == 2
        assert server.metric("maskstream_slots_free") == 0
        with pytest.raises(AssertionError, match="1013"):
            WireClient(server.ws_url)
        assert server.metric("maskstream_sessions_refused_total") == 1
        assert server.metric("maskstream_errors_total", code="server_full") == 1
    soon(server, lambda: server.metric("maskstream_slots_free") == 2)


async def test_drops_by_reason():
    with running_server(FakeModel(step_s=0.1)) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            await client.send(b"no picture")
            await client.send(grey(POISON))
            await client.flush()
        async with raw_client(live.ws_url) as client:
            await client.hello(policy="latest")
            for _ in range(5):
                await client.send(grey())
            await client.flush()
        drops = {
            reason: live.metric("maskstream_drops_total", reason=reason)
            for reason in ("undecodable", "internal", "superseded")
        }
        assert (drops["undecodable"], drops["internal"]) == (1, 1)
        assert drops["superseded"] >= 1
        assert live.metric("maskstream_failed_steps_total") == 1
        assert live.metric("maskstream_frames_received_total") == 7


def test_a_slow_model_makes_results_late_by_the_engine():
    with running_server(FakeModel(step_s=0.1), late_s=0.05) as live:
        with WireClient(live.ws_url) as client:
            client.step()
        soon(live, lambda: live.metric("maskstream_late_results_total", cause="engine") == 1)
        assert live.metric("maskstream_late_results_total", cause="client") == 0


async def test_a_client_that_does_not_read_makes_results_late_by_the_client():
    text = '{"type":"ping","id":"' + "x" * 60_000 + '"}'
    with running_server(late_s=0.5, slow_reader_s=30, credit_frames=1024) as live:
        async with raw_client(live.ws_url, max_queue=1) as client:
            await client.hello()
            # Nobody reads now, and the answers fill every buffer on the way.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.5):
                    while True:
                        await client.send(grey())
                        await client.socket.send(text)
            while not live.metric("maskstream_late_results_total", cause="client"):
                await client.read()


def test_the_queue_and_the_step_of_an_engine_that_hangs_are_reported():
    with (
        running_server(FakeModel(step_s=1.5)) as live,
        WireClient(live.ws_url) as one,
        WireClient(live.ws_url) as other,
    ):
        one.send_frame()
        soon(live, lambda: live.metric("maskstream_engine_step_age_seconds") > 0.1)
        other.send_frame()
        soon(live, lambda: live.metric("maskstream_engine_waiting_frames") == 1)
        assert live.metric("maskstream_engine_ready") == 1


def test_commits_are_behind_while_the_store_is_away(own_redis: RedisServer):
    with running_server(store=own_redis.url) as live, WireClient(live.ws_url) as client:
        client.step()
        client.until(lambda: client.durable == 1)
        soon(live, lambda: live.metric("maskstream_commits_behind") == 0)
        assert live.metric("maskstream_store_written_bytes_total", command="commit") > 0
        own_redis.kill()
        for _ in range(5):
            client.step()
        soon(live, lambda: live.metric("maskstream_commits_behind") == 5)
        client.until(lambda: "store_away" in client.kinds)
        assert "maskstream_store_up 0.0" in live.get("/metrics")
        assert live.metric("maskstream_store_failures_total", command="usage") >= 1
        own_redis.start()
        client.until(lambda: client.durable == 6, 15)
        soon(live, lambda: live.metric("maskstream_commits_behind") == 0)
        assert "maskstream_store_up 1.0" in live.get("/metrics")


def test_a_session_that_ends_owing_commits_leaves_none_behind(own_redis: RedisServer):
    with running_server(store=own_redis.url, resume_ttl_s=1.0) as live:
        with WireClient(live.ws_url) as client:
            client.step()
            own_redis.kill()
            client.step()
            assert live.metric("maskstream_commits_behind") >= 1
        soon(live, lambda: live.metric("maskstream_commits_behind") == 0)


def test_a_scrape_shows_device_store_and_process(server: LiveServer):
    text = server.get("/metrics")
    assert server.metric("maskstream_device_memory_used_bytes") > 1e7
    assert server.metric("maskstream_store_max_bytes") == 2**30
    assert 'maskstream_videos{state="running"} 0.0' in text
    assert "process_resident_memory_bytes" in text


def test_a_scrape_shows_in_time_that_the_store_hangs(own_redis: RedisServer):
    with running_server(store=own_redis.url) as live:
        assert "maskstream_store_up 1.0" in live.get("/metrics")
        own_redis.pause()
        try:
            assert "maskstream_store_up 0.0" in live.get("/metrics")
        finally:
            own_redis.resume()
        soon(live, lambda: "maskstream_store_up 1.0" in live.get("/metrics"))


def test_whole_videos_are_counted_by_state(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("maskstream_server.jobs.service.TEND_S", 0.05)
    frames = [np.full((32, 48, 3), value, np.uint8) for value in range(3)]
    with running_server(open_video=FakeDecoder(frames, announced=3)) as live:
        answer = httpx.post(live.url + "/v1/videos", files={"file": ("a.mp4", b"a video")})
        assert answer.status_code == 202
        soon(live, lambda: live.metric("maskstream_videos", state="done") == 1)
        assert live.metric("maskstream_videos", state="running") == 0
