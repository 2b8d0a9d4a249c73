"""Videos that are handed in as an address: fetched by the worker, or refused in a sentence."""

import threading
import time
from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest

from support.fake_video import FakeDecoder
from support.http_receiver import Answer, Asked, Receiver, http_receiver
from support.server import LiveServer, running_server

SOON_S = 150.0
VIDEO = b"a video " * 1000


def reply(asked: Asked) -> Answer:
    answers: dict[str, Callable[[], Answer]] = {
        "/sp%C3%A4ter.mp4": lambda: Answer(body=VIDEO),
        "/moved": lambda: Answer(302, headers={"Location": "/sp%C3%A4ter.mp4"}),
        "/out": lambda: Answer(302, headers={"Location": "http://169.254.169.254/meta"}),
        "/large": lambda: Answer(body=b"x" * 50_001),
        "/endless": lambda: Answer(body=b"x" * 60_000, headers={"Content-Length": None}),
        "/empty": lambda: Answer(),
        "/zipped": lambda: Answer(body=VIDEO, headers={"Content-Encoding": "gzip"}),
        "/cut": lambda: Answer(body=VIDEO, headers={"Content-Length": "9000"}),
    }
    return answers.get(asked.path, lambda: Answer(404))()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with http_receiver(reply) as made:
        yield made


@pytest.fixture(scope="module")
def live(receiver) -> Iterator[LiveServer]:
    decoder = FakeDecoder([np.zeros((32, 48, 3), np.uint8)] * 3, announced=3)
    hosts = (receiver.authority, "public.invalid")
    with running_server(
        open_video=decoder,
        max_video_bytes=50_000,
        video_url_hosts=hosts,
        private_hosts=(receiver.authority,),
    ) as made:
        yield made


@pytest.fixture(scope="module")
def client(live) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url, timeout=SOON_S) as made:
        yield made


def submit(client: httpx.Client, url: str, **more) -> httpx.Response:
    return client.post("/v1/videos", json={"url": url, **more})


def ended(client: httpx.Client, url: str) -> dict:
    answer = submit(client, url)
    assert answer.status_code == 202, answer.text
    path, until = f"/v1/videos/{answer.json()['id']}", time.monotonic() + SOON_S
    while (record := client.get(path).json())["state"] in ("queued", "running"):
        assert time.monotonic() < until, record
        time.sleep(0.02)
    return record


@pytest.mark.parametrize("path", ["/sp%C3%A4ter.mp4", "/moved"])
def test_a_video_is_fetched_and_worked_on(client, live, receiver, path):
    record = ended(client, receiver.url + path)
    assert (record["state"], record["reason"]) == ("done", None)
    assert (record["bytes"], record["frames_done"]) == (len(VIDEO), 3)
    assert record["name"] == ("später.mp4" if path != "/moved" else "moved")
    assert live.service.videos.api.files.source(record["id"]).read_bytes() == VIDEO


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/nothing", "The video cannot be fetched: the answer has the status 404."),
        ("/large", "The video cannot be fetched: The file is larger than this server takes"),
        ("/endless", "The video cannot be fetched: The file is larger than this server takes"),
        ("/empty", "The video cannot be fetched: the file is empty."),
        ("/zipped", "The video cannot be fetched: the answer is compressed"),
        ("/cut", "broke the connection off."),
        ("/out", "go to 169.254.169.254: MASKSTREAM_VIDEO_URL_HOSTS does not name it."),
    ],
)
def test_what_cannot_be_fetched_fails_with_a_sentence_and_leaves_nothing(
    client, live, receiver, path, sentence
):
    record = ended(client, receiver.url + path)
    assert record["state"] == "failed"
    assert sentence in record["reason"]
    files = live.service.videos.api.files
    assert not files.source(record["id"]).exists()
    assert list(files.folder(record["id"]).iterdir()) == []


def test_a_host_that_is_not_there_fails_with_a_sentence(client):
    record = ended(client, "https://public.invalid/a.mp4")
    assert record["reason"] == "The video cannot be fetched: There is no host public.invalid."


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("http://127.0.0.1:9/a.mp4", "does not let this server go to 127.0.0.1:9"),
        ("https://evil.example/a.mp4", "does not let this server go to evil.example"),
        ("file:///etc/passwd", "must begin with http"),
    ],
)
def test_addresses_that_are_not_allowed_are_refused_at_once(client, url, sentence):
    answer = submit(client, url)
    assert (answer.status_code, answer.json()["code"]) == (403, "address_refused")
    assert sentence in answer.json()["detail"]


def test_no_address_is_taken_where_the_operator_has_listed_none():
    with running_server(open_video=FakeDecoder([])) as live, httpx.Client() as client:
        answer = client.post(f"{live.url}/v1/videos", json={"url": "https://example.com/a.mp4"})
        assert answer.status_code == 403
        assert "MASKSTREAM_VIDEO_URL_HOSTS is empty" in answer.json()["detail"]


def test_bad_submissions_are_refused(client, receiver):
    for body in ({"url": 3}, {"url": "a", "upload": "b"}, {"url": "a", "speed": 2}):
        assert client.post("/v1/videos", json=body).json()["code"] == "bad_upload"
    bad = submit(client, receiver.url + "/a", options={"mode": "sideways"})
    assert bad.json()["code"] == "bad_options"


def test_a_fetch_that_is_cancelled_stops(client, live, receiver):
    held = threading.Event()

    def slow(asked: Asked) -> Answer:
        held.wait(SOON_S)
        return Answer(body=VIDEO)

    receiver.reply = slow
    try:
        video = submit(client, receiver.url + "/slow").json()["id"]
        until = time.monotonic() + SOON_S
        while not any(asked.path == "/slow" for asked in receiver.asked):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert client.get(f"/v1/videos/{video}").json()["state"] == "running"
        assert client.delete(f"/v1/videos/{video}").json()["state"] == "cancelled"
        receiver.reply = reply
        # The one worker is free again, though nobody has answered it.
        assert ended(client, receiver.url + "/moved")["state"] == "done"
        assert not live.service.videos.api.files.folder(video).exists()
    finally:
        held.set()
        receiver.reply = reply
