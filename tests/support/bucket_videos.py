"""Servers whose videos are in a bucket, and their clients."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from support.bucket import ADDRESS, RealBucket
from support.server import running_server

SOON_S = 150.0
ALL = ("ytvis.json", "overlay.mp4", "masks.zip", "tracks.parquet")
PLAIN = [np.zeros((32, 48, 3), np.uint8)] * 20


class Client(httpx.Client):
    """Of one server."""

    def submit(self, file: bytes = b"a video", artifacts=ALL[:1]) -> str:
        options = {"options": json.dumps({"artifacts": artifacts})}
        answer = self.post("/v1/videos", files={"file": file}, data=options)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def until(self, video: str, condition: Callable[[dict], bool]) -> dict:
        until = time.monotonic() + SOON_S
        while not condition(record := self.get(f"/v1/videos/{video}").json()):
            assert time.monotonic() < until, record
            assert record["state"] != "failed", record
            time.sleep(0.02)
        return record

    def done(self, video: str) -> dict:
        return self.until(video, lambda record: record["state"] == "done")

    def result(self, video: str, artifacts=ALL) -> list[bytes]:
        """All that a video has given: lines, and the bytes of its artifacts."""
        files = ["results", *(f"artifacts/{name}" for name in artifacts)]
        answers = [self.get(f"/v1/videos/{video}/{file}") for file in files]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.content for answer in answers]


@contextmanager
def server(model=None, open_video=None, **settings) -> Iterator[Client]:
    with (
        running_server(model, open_video, checkpoint_frames=4, **settings) as live,
        Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        yield client


@pytest.fixture
def bucket(real_bucket: RealBucket, monkeypatch: pytest.MonkeyPatch) -> RealBucket:
    """Servers and workers of this test have it."""
    monkeypatch.setenv("MASKSTREAM_BUCKET", ADDRESS)
    return real_bucket


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was left is looked for all the time."""
    monkeypatch.setattr("maskstream_server.jobs.service.TEND_S", 0.2)
