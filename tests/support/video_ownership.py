"""Servers whose records and files may not belong together, and what each of them holds."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from maskstream_server.jobs import service
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.storage.files import ORPHAN_S
from support.redis_server import RedisServer
from support.video_world import World, world

SOON_S = 150.0
PASSES = 12
"""More than enough to remove three videos, one in each."""


class Passes:
    """Counts how often a server has looked for what nobody needs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        tend = VideoApi.tend

        async def counted(desk: VideoApi):
            try:
                return await tend(desk)
            finally:
                self.done += 1

        monkeypatch.setattr(VideoApi, "tend", counted)
        monkeypatch.setattr(service, "TEND_S", 0.02)

    def go_by(self, num_passes: int = PASSES) -> None:
        until = self.done + num_passes
        eventually(lambda: self.done >= until)


def eventually(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + SOON_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.fixture
def passes(monkeypatch) -> Passes:
    return Passes(monkeypatch)


@contextmanager
def shared_world(redis: RedisServer, folder: Path, **settings) -> Iterator[World]:
    values = {"store": redis.url, "data_folder": folder} | settings
    with world(**values) as opened:
        yield opened


def finished(here: World, num_videos: int = 3) -> dict[str, bytes]:
    """Videos that are done, and their file; not of late."""
    videos = [here.submit(data=b"video %d" % number).json()["id"] for number in range(num_videos)]
    assert [here.done(video)["state"] for video in videos] == num_videos * ["done"]
    past_s = time.time() - ORPHAN_S - 60
    for video in videos:
        folder = here.live.service.settings.data_folder / "videos" / video
        for path in (*folder.iterdir(), folder):
            os.utime(path, (past_s, past_s))
    return {video: downloaded(here, video) for video in videos}


def downloaded(here: World, video: str) -> bytes:
    answer = here.client.get(f"/v1/videos/{video}/artifacts/ytvis.json")
    return answer.raise_for_status().content


def bytes_of(folder: Path) -> dict[str, bytes]:
    """All files of all videos."""
    root = folder / "videos"
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.glob("[0-9a-f]*/*"))
        if path.is_file()
    }


def readiness(here: World) -> tuple[int, str | None]:
    answer = here.client.get("/readyz")
    assert answer.json()["videos"] is (answer.status_code == 200)
    return answer.status_code, answer.json().get("reason")


def refused(here: World) -> None:
    """Nothing new comes in, by no way."""
    for answer in (
        here.submit(),
        here.client.post("/v1/videos", json={"url": "https://example.com/a.mp4"}),
        here.client.post("/v1/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "100"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (503, "videos_mismatch")
        assert "do not belong together" in answer.json()["detail"]
