"""What a worker serves at a port of its own: metrics and its health."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support.forks import Forked
from support.lossless import write_lossless
from support.raw_socket import connected, read_all
from support.redis_server import RedisServer
from support.server import running_server
from support.tiny import tiny_frames
from support.video_worker import work

NUM_FRAMES = 12
STEP_S = 0.05
SOON_S = 150.0


class Watched:
    """A worker's process, and its port."""

    def __init__(self, process: Forked, port: int) -> None:
        self.process = process
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=SOON_S)

    def sample(self, name: str, **labels: str) -> float | None:
        for family in text_string_to_metric_families(self.client.get("/metrics").text):
            for sample in family.samples:
                if (sample.name, sample.labels) == (f"maskstream_{name}", labels):
                    return sample.value
        return None

    def parts(self) -> tuple[int, dict[str, bool]]:
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json()


@contextmanager
def watched_worker(
    redis: RedisServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("MASKSTREAM_METRICS_PORT", str(port))
    process = Forked(work, redis.url, folder, STEP_S)
    try:
        assert process.stdout.readline() == "ready\n"
        made = Watched(process, port)
        with made.client:
            yield made
    finally:
        process.close()


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_request_to_a_worker_that_never_ends_is_refused(own_redis, tmp_path, monkeypatch):
    monkeypatch.setenv("MASKSTREAM_REQUEST_HEADER_S", "0.5")
    with watched_worker(own_redis, tmp_path / "data", monkeypatch) as worker:
        with connected(str(worker.client.base_url)) as link:
            link.sendall(b"GET /metrics HTTP/1.1\r\nX-")
            assert read_all(link).startswith(b"HTTP/1.1 408 ")
        assert worker.client.get("/healthz").json() == {"ok": True}


def test_a_worker_counts_what_it_does_and_says_how_it_is(own_redis, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(NUM_FRAMES, seed=3))
    with (
        watched_worker(own_redis, folder, monkeypatch) as worker,
        running_server(store=own_redis.url, data_folder=folder, video_jobs=0) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as server,
    ):
        assert worker.client.get("/healthz").json() == {"ok": True}
        foreign = worker.client.get("/metrics", headers={"Host": "evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
        parts = ("ready", "engine", "store", "queue", "files", "videos")
        well = dict.fromkeys(parts, True)
        until(lambda: worker.parts() == (200, well))
        assert worker.sample("jobs_running") == 0
        server.post("/v1/videos", files={"file": clip.read_bytes()})
        until(lambda: worker.sample("jobs_running") == 1)
        until(lambda: worker.sample("jobs_total", end="done") == 1)
        assert worker.sample("jobs_running") == 0
        assert worker.sample("job_seconds_total") >= NUM_FRAMES * STEP_S
        assert worker.sample("batch_frames_sum") >= NUM_FRAMES
        assert worker.sample("engine_ready") == 1
        # It has no sessions: what alerts add up over servers does not count it.
        assert worker.sample("slots_free") is None

        own_redis.kill()
        status, parts = worker.parts()
        assert (status, parts["engine"], parts["store"]) == (503, True, False)
        assert worker.sample("jobs_total", end="done") == 1
        assert worker.client.get("/healthz").status_code == 200
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(SOON_S) == 0
