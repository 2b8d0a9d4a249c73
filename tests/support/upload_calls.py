"""Uploads by plain HTTP, as tus 1.0 has them, to a server of fake videos."""

import base64
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from maskstream_server.routes.uploads import UPLOADS_PATH
from support.fake_video import FakeDecoder
from support.server import LiveServer, running_server

FILE = bytes(range(256)) * 40
TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
OFFLINE = "options " + base64.b64encode(b'{"mode": "offline"}').decode()
SOON_S = 150.0


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    decoder = FakeDecoder([np.zeros((32, 48, 3), np.uint8)] * 3, announced=3)
    with running_server(open_video=decoder, max_video_bytes=1 << 20) as made:
        yield made


@pytest.fixture(scope="module")
def client(live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, timeout=SOON_S) as made:
        yield made


def begin(
    client: httpx.Client,
    name: str = "später.mp4",
    length: int = len(FILE),
    wishes: str = "hidden",
    **more,
) -> str:
    metadata = f"filename {base64.b64encode(name.encode()).decode()},{wishes}"
    headers = TUS | {"Upload-Length": str(length), "Upload-Metadata": metadata}
    answer = client.post(UPLOADS_PATH, headers=headers, **more)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def append(client: httpx.Client, path: str, offset: int, data: bytes) -> httpx.Response:
    return client.patch(path, headers=PART | {"Upload-Offset": str(offset)}, content=data)


def id_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


def submit(client: httpx.Client, path: str, **more) -> httpx.Response:
    return client.post("/v1/videos", json={"upload": id_of(path), **more})
