"""Workers of whole videos as processes, a real Redis, real files and real kills."""

import json
import random
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from maskstream_server.errors import StartError
from maskstream_server.jobs.queue import check_worker
from support.forks import Forked
from support.lossless import write_lossless
from support.redis_server import RedisServer
from support.server import running_server
from support.tiny import tiny_frames, tiny_offline_model
from support.video_worker import work

NUM_FRAMES = 30
STEP_S = 0.05
SOON_S = 150.0
ARTIFACTS = ["ytvis.json", "overlay.mp4", "masks.zip", "tracks.parquet"]


class Worker:
    """A worker's process."""

    def __init__(self, url: str, folder: Path, mode: str, deadly: int | None) -> None:
        self._log = Path(tempfile.mkdtemp(dir=folder.parent)) / "log"
        self.process = Forked(work, url, folder, STEP_S, mode, deadly, log=self._log)

    @property
    def said(self) -> str:
        return self._log.read_text()

    def has(self, video: str) -> bool:
        """Whether it works on a video."""
        events = [json.loads(line) for line in self.said.splitlines()]
        ours = [event["event"] for event in events if event.get("video") == video]
        return ours[-1:] == ["video_begun"]

    def ready(self) -> "Worker":
        assert self.process.stdout.readline() == "ready\n", self.said
        return self

    def end(self, number: int = signal.SIGKILL) -> str:
        """End it; returns what it has said."""
        self.process.send_signal(number)
        self.process.wait(SOON_S)
        return self.said

    def close(self) -> None:
        self.process.close()


class World:
    """A server without workers of its own, its Redis and its folder."""

    def __init__(
        self, redis: RedisServer, folder: Path, client: httpx.Client, mode: str = "online"
    ) -> None:
        self.redis, self.folder, self.client, self.mode = redis, folder, client, mode
        self.open = ExitStack()

    def worker(self, deadly: int | None = None) -> Worker:
        worker = Worker(self.redis.url, self.folder, self.mode, deadly)
        self.open.callback(worker.close)
        return worker.ready()

    def submit(self, clip: Path) -> str:
        wishes = {"options": json.dumps({"artifacts": ARTIFACTS, "mode": self.mode})}
        with clip.open("rb") as file:
            answer = self.client.post("/v1/videos", files={"file": file}, data=wishes)
        assert answer.status_code == 202
        return answer.json()["id"]

    def until(
        self, video: str, condition: Callable[[dict], bool], within_s: float = SOON_S
    ) -> dict:
        until = time.monotonic() + within_s
        while not condition(record := self.client.get(f"/v1/videos/{video}").json()):
            assert time.monotonic() < until, record
            time.sleep(0.02)
        return record

    def ended(self, video: str) -> dict:
        return self.until(video, lambda record: record["state"] in ("done", "failed"))

    def result(self, video: str) -> list[bytes]:
        """All that a video has given: lines, and the bytes of its artifacts."""
        files = ["results", *(f"artifacts/{name}" for name in ARTIFACTS)]
        answers = [self.client.get(f"/v1/videos/{video}/{file}") for file in files]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.content for answer in answers]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_lossless(tmp_path / "clip.mkv", tiny_frames(NUM_FRAMES, seed=3))


@pytest.fixture
def world(shared_redis: RedisServer, tmp_path: Path) -> Iterator[World]:
    shared_redis.client().flushall()
    folder = tmp_path / "data"
    with made(shared_redis, folder) as world, world.open:
        yield world


@pytest.fixture(params=["online", pytest.param("offline", marks=pytest.mark.slow)])
def world_of_mode(
    shared_redis: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    shared_redis.client().flushall()
    with made(shared_redis, tmp_path / "data", request.param) as world, world.open:
        yield world


@contextmanager
def made(redis: RedisServer, folder: Path, mode: str = "online") -> Iterator[World]:
    settings = {"store": redis.url, "data_folder": folder, "video_jobs": 0}
    model = tiny_offline_model() if mode == "offline" else None
    with (
        running_server(model, **settings) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        yield World(redis, folder, client, mode)


def test_a_video_whose_workers_are_killed_gives_what_it_gives_undisturbed(world_of_mode, clip):
    world = world_of_mode
    workers = [world.worker() for _ in range(3)]
    undisturbed = world.submit(clip)
    assert world.ended(undisturbed)["state"] == "done"
    expected = world.result(undisturbed)
    assert len(expected[0].splitlines()) == NUM_FRAMES
    assert len({row["track_id"] for row in json.loads(expected[1])}) > 1

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # shown where the test fails
    chance = random.Random(seed)
    video = world.submit(clip)
    for first in (3, 14):
        frame = chance.randint(first, first + 8)
        world.until(video, lambda record, frame=frame: record["frames_done"] >= frame // 4 * 4)
        time.sleep(frame % 4 * STEP_S)
        (holder,) = [worker for worker in workers if worker.has(video)]
        holder.end(signal.SIGKILL)
        workers.remove(holder)
        at = world.client.get(f"/v1/videos/{video}").json()["frames_done"]
        assert at < NUM_FRAMES
        world.until(video, lambda record, at=at: record["frames_done"] > at)
    record = world.ended(video)
    assert (record["state"], record["attempt"]) == ("done", 3), record
    assert world.result(video) == expected


@pytest.mark.slow
def test_a_video_that_kills_three_workers_fails_and_spares_the_rest(world, clip):
    video = world.submit(clip)
    for attempt in (1, 2, 3):
        worker = world.worker(deadly=14)
        record = world.until(video, lambda record, attempt=attempt: record["attempt"] == attempt)
        assert worker.process.wait(SOON_S) == -signal.SIGKILL
    survivor = world.worker()
    record = world.ended(video)
    assert (record["state"], record["attempt"]) == ("failed", 3)
    assert record["reason"] == (
        "3 workers ended while they worked on this video, the last one after frame 10."
    )
    left = [path.name for path in (world.folder / "videos" / video).iterdir()]
    assert "source" in left
    assert not [name for name in left if name.startswith("drafts")]
    assert world.ended(world.submit(clip))["state"] == "done"
    assert survivor.process.poll() is None


def test_a_worker_that_is_reported_to_stop_gives_its_video_back(world, clip):
    first = world.worker()
    video = world.submit(clip)
    world.until(video, lambda record: record["frames_done"] >= 8)
    said = first.end(signal.SIGTERM)
    assert first.process.returncode == 0, said
    record = world.client.get(f"/v1/videos/{video}").json()
    assert (record["state"], record["attempt"]) == ("queued", 0)
    world.worker()
    record = world.ended(video)
    assert (record["state"], record["attempt"]) == ("done", 1)


def test_a_worker_that_lives_is_distinguished_from_one_that_does_not(world):
    here = socket.gethostname()
    assert here in dead(world.redis.url, here)
    world.worker()
    until = time.monotonic() + SOON_S
    while (sentence := dead(world.redis.url, here)) is not None:
        assert time.monotonic() < until, sentence
        time.sleep(0.2)
    assert "elsewhere" in dead(world.redis.url, "elsewhere")
    assert "cannot be asked" in dead("redis://127.0.0.1:1/0", here)


def dead(url: str, host: str) -> str | None:
    """What a check has to say of the worker on a host; None where all is well."""
    try:
        check_worker(url, host)
    except StartError as error:
        return str(error)


def test_deleting_reaches_the_worker_in_its_process(world, clip):
    worker = world.worker()
    video = world.submit(clip)
    world.until(video, lambda record: record["frames_done"] >= 4)
    assert world.client.delete(f"/v1/videos/{video}").json()["state"] == "cancelled"
    assert not (world.folder / "videos" / video).exists()
    other = world.submit(clip)
    assert world.ended(other)["state"] == "done"
    assert worker.process.poll() is None


def test_a_redis_that_is_away_for_a_while_only_delays(own_redis, tmp_path, clip):
    with made(own_redis, tmp_path / "data") as world, world.open:
        world.worker()
        video = world.submit(clip)
        world.until(video, lambda record: record["frames_done"] >= 8)
        own_redis.kill()
        time.sleep(1.0)
        assert world.client.get(f"/v1/videos/{video}").status_code == 503
        own_redis.start()
        assert world.ended(video)["state"] == "done"
