"""Webhooks of real servers, also of one that is killed before it has noted the delivery."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from maskstream_server.outbound.signature import secret_key, signed_headers
from support.fake_video import FakeDecoder, FakeMediaError
from support.held_videos import until
from support.http_receiver import Answer, Asked, Receiver, http_receiver
from support.server import running_server
from support.server_process import server_process

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
FRAMES = [np.zeros((32, 48, 3), np.uint8)] * 3
SOON_S = 150.0


def settings_for(receiver: Receiver) -> dict:
    hosts = (receiver.authority,)
    return {"webhook_hosts": hosts, "private_hosts": hosts, "webhook_secret": SECRET}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http_receiver() as made:
        yield made


def submit(client: httpx.Client, webhook: str) -> httpx.Response:
    options = json.dumps({"webhook": webhook, "artifacts": []})
    return client.post("/v1/videos", files={"file": ("a", b"x")}, data={"options": options})


def assert_signed(asked: Asked) -> None:
    name, now_s = asked.headers["webhook-id"], float(asked.headers["webhook-timestamp"])
    expected = signed_headers(secret_key(SECRET), name, asked.body, now_s)
    assert asked.headers["webhook-signature"] == expected["webhook-signature"]
    assert abs(time.time() - now_s) < SOON_S


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_every_end_is_reported(receiver, state):
    go_on = threading.Event()

    def on_frame(index: int) -> None:
        if state == "failed":
            raise FakeMediaError("This is no video.")
        if state == "cancelled":
            go_on.wait(SOON_S)

    decoder = FakeDecoder(FRAMES, announced=3, on_frame=on_frame)
    with (
        running_server(open_video=decoder, **settings_for(receiver)) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        record = submit(client, receiver.url).json()
        assert record["webhook"] == {"delivered": None, "attempts": 0}
        path = f"/v1/videos/{record['id']}"
        if state == "cancelled":
            client.delete(path)
        until(lambda: client.get(path).json()["webhook"]["delivered"])
        go_on.set()
        (asked,) = receiver.asked
        assert_signed(asked)
        body = json.loads(asked.body)
        assert (body["id"], body["state"]) == (record["id"], state)
        assert client.get(path).json()["webhook"]["attempts"] == 1


def test_webhooks_that_are_not_allowed_are_refused_at_once(receiver):
    with (
        running_server(open_video=FakeDecoder(FRAMES), **settings_for(receiver)) as live,
        httpx.Client(base_url=live.url) as client,
    ):
        answer = submit(client, "https://evil.example/")
        assert (answer.status_code, answer.json()["code"]) == (403, "address_refused")
        assert live.service.videos.api.files.uploads() == []
    with (
        running_server(open_video=FakeDecoder(FRAMES)) as live,
        httpx.Client(base_url=live.url) as client,
    ):
        assert "MASKSTREAM_WEBHOOK_HOSTS is empty" in submit(client, receiver.url).json()["detail"]


@pytest.mark.slow
def test_a_server_killed_before_it_notes_the_delivery_is_made_good_by_another(
    receiver, shared_redis, tmp_path: Path
):
    shared_redis.client().flushall()
    settings = settings_for(receiver) | {"store": shared_redis.url, "data_folder": str(tmp_path)}
    held = threading.Event()
    receiver.reply = lambda asked: Answer() if held.wait(SOON_S) else Answer(500)
    with server_process(settings) as first, httpx.Client(base_url=first.url) as client:
        video = submit(client, receiver.url).json()["id"]
        until(lambda: receiver.asked)
        first.kill()
    held.set()
    with server_process(settings) as second, httpx.Client(base_url=second.url) as client:
        path = f"/v1/videos/{video}"
        until(lambda: client.get(path).json()["webhook"]["delivered"])
        assert client.get(path).json()["state"] == "done"
    assert len(receiver.asked) == 2
    assert {asked.headers["webhook-id"] for asked in receiver.asked} == {video}
    for asked in receiver.asked:
        assert_signed(asked)
