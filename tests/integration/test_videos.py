"""Whole videos over HTTP: in, watched, read, taken away, refused."""

import io
import json
import socket
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import numpy as np
import pytest
from pycocotools import mask as coco

from maskstream_server.jobs.room import unclaimed_room
from support.fake_video import FakeDecoder, FakeMediaError
from support.server import LiveServer, running_server

FRAMES = [np.full((32, 48, 3), value, np.uint8) for value in range(23)]
SOON_S = 20.0
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # pycocotools
)


@dataclass
class World:
    """A server that takes videos, and a client of it."""

    live: LiveServer
    decoder: FakeDecoder
    client: httpx.Client
    go_on: threading.Event = field(default_factory=threading.Event)

    def submit(self, name: str = "a.mp4", data: bytes = b"a video", **fields) -> httpx.Response:
        headers = fields.pop("headers", None)
        return self.client.post(
            "/v1/videos", files={"file": (name, data)}, data=fields, headers=headers
        )

    def until(self, video: str, condition: Callable[[dict], bool]) -> dict:
        until = time.monotonic() + SOON_S
        while not condition(told := self.client.get(f"/v1/videos/{video}").json()):
            assert time.monotonic() < until, told
            time.sleep(0.02)
        return told

    def done(self, video: str) -> dict:
        return self.until(video, lambda told: told["state"] in ("done", "failed", "cancelled"))


@contextmanager
def world(decoder: FakeDecoder | None = None, **settings) -> Iterator[World]:
    decoder = decoder or FakeDecoder(FRAMES, announced=len(FRAMES))
    with (
        running_server(open_video=decoder, **settings) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        yield World(live, decoder, client)


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with world() as made:
        yield made


@contextmanager
def held(at: int) -> Iterator[World]:
    """A world whose videos stop at a frame until `go_on`."""
    decoder = FakeDecoder(FRAMES, announced=len(FRAMES))
    with world(decoder, checkpoint_frames=5) as made:
        decoder.on_frame = lambda index: index != at or made.go_on.wait(SOON_S)
        try:
            yield made
        finally:
            made.go_on.set()


def events_of(client: httpx.Client, video: str, last: int | None = None) -> list[tuple]:
    """(id, event, data) of each event until the stream ends."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    text = client.get(f"/v1/videos/{video}/events", headers=headers).text
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[0] != ":")
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_video_goes_in_and_its_files_come_out(shared):
    answer = shared.submit("später.mp4", options='{"artifacts": ["ytvis.json", "masks.zip"]}')
    assert answer.status_code == 202
    told = answer.json()
    assert (told["state"], told["name"], told["bytes"]) == ("queued", "später.mp4", 7)
    video = told["id"]
    assert answer.headers["location"] == f"/v1/videos/{video}"
    told = shared.done(video)
    assert (told["state"], told["percent"], told["frames_done"]) == ("done", 100.0, 23)
    assert told["artifacts"] == ["ytvis.json", "masks.zip"]

    lines = shared.client.get(f"/v1/videos/{video}/results").text.splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(23))
    (track,) = shared.client.get(f"/v1/videos/{video}/artifacts/ytvis.json").json()
    assert len(track["segmentations"]) == 23
    areas = [int(coco.decode(rle).sum()) for rle in track["segmentations"]]
    assert areas == [json.loads(line)["objects"][0]["area"] for line in lines]
    masks = shared.client.get(f"/v1/videos/{video}/artifacts/masks.zip")
    assert len(zipfile.ZipFile(io.BytesIO(masks.content)).namelist()) == 23


def test_parts_of_an_artifact_can_be_asked_for(shared):
    video = shared.submit().json()["id"]
    shared.done(video)
    path = f"/v1/videos/{video}/artifacts/ytvis.json"
    whole = shared.client.get(path)
    part = shared.client.get(path, headers={"Range": "bytes=10-29"})
    assert (part.status_code, part.content) == (206, whole.content[10:30])
    assert part.headers["content-range"] == f"bytes 10-29/{len(whole.content)}"
    beyond = shared.client.get(path, headers={"Range": "bytes=9999999-"})
    assert beyond.status_code == 416
    asked = shared.client.head(path)
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == str(len(whole.content))


def test_results_can_be_read_while_the_video_runs():
    with held(at=13) as made:
        video = made.submit().json()["id"]
        told = made.until(video, lambda told: told["frames_done"] == 10)
        assert (told["state"], told["percent"]) == ("running", 43.5)

        def frames(after: int) -> list[int]:
            answer = made.client.get(f"/v1/videos/{video}/results", params={"after": after})
            return [json.loads(line)["frame"] for line in answer.text.splitlines()]

        assert frames(-1) == list(range(10))
        assert frames(6) == [7, 8, 9]
        assert frames(9) == frames(100) == []
        made.go_on.set()
        made.done(video)
        assert frames(9) == list(range(10, 23))


def test_events_tell_of_progress_and_go_on_where_they_were_left():
    with held(at=13) as made:
        video = made.submit().json()["id"]
        made.until(video, lambda told: told["frames_done"] == 10)
        threading.Timer(0.6, made.go_on.set).start()
        events = events_of(made.client, video)
        assert [name for _, name, _ in events][-1] == "ended"
        assert events[0][2]["frames_done"] == 10
        assert events[-1][2]["state"] == "done"
        ids = [number for number, _, _ in events]
        assert ids == sorted(set(ids))
        assert len(ids) >= 2
        again = events_of(made.client, video, last=ids[0])
        assert all(number > ids[0] for number, _, _ in again)
        assert again[-1] == events[-1]


def test_deleting_stops_the_work_within_a_second_and_removes_the_files():
    with held(at=13) as made:
        video = made.submit().json()["id"]
        made.until(video, lambda told: told["frames_done"] == 10)
        folder = made.live.service.videos.desk.files.folder(video)
        assert folder.exists()
        began_s = time.monotonic()
        answer = made.client.delete(f"/v1/videos/{video}")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert not folder.exists()
        made.go_on.set()
        while made.decoder.num_open:
            assert time.monotonic() < began_s + 1.0
            time.sleep(0.01)
        assert made.client.get(f"/v1/videos/{video}/results").text == ""
        assert made.client.get(f"/v1/videos/{video}/artifacts/ytvis.json").status_code == 404
        assert made.client.delete(f"/v1/videos/{video}").status_code == 204
        assert made.client.get(f"/v1/videos/{video}").status_code == 404
        assert made.client.delete(f"/v1/videos/{video}").status_code == 404
        other = made.submit().json()["id"]
        assert made.done(other)["state"] == "done"


def test_a_finished_video_is_deleted_with_all_that_is_its(shared):
    video = shared.submit().json()["id"]
    shared.done(video)
    assert shared.client.delete(f"/v1/videos/{video}").status_code == 204
    assert not shared.live.service.videos.desk.files.folder(video).exists()
    assert shared.client.get(f"/v1/videos/{video}").status_code == 404


def test_the_list_goes_page_by_page_from_the_newest(shared):
    made = [shared.submit().json()["id"] for _ in range(5)]
    first = shared.client.get("/v1/videos", params={"limit": 2}).json()
    assert [item["id"] for item in first["videos"]] == [made[4], made[3]]
    query = {"limit": 3, "before": first["next"]}
    second = shared.client.get("/v1/videos", params=query).json()
    assert [item["id"] for item in second["videos"]] == [made[2], made[1], made[0]]
    bad = shared.client.get("/v1/videos", params={"limit": 0})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_request")
    assert bad.json()["detail"].startswith("limit: ")


def test_the_same_key_gives_the_same_video(shared):
    first = shared.submit(headers={"Idempotency-Key": "one"}).json()
    second = shared.submit(headers={"Idempotency-Key": "one"})
    assert (second.status_code, second.json()["id"]) == (202, first["id"])
    assert shared.submit(headers={"Idempotency-Key": "two"}).json()["id"] != first["id"]
    assert shared.submit(headers={"Idempotency-Key": "x" * 300}).status_code == 422


def test_a_file_that_is_no_video_fails_with_a_sentence():
    def refuse(index: int) -> None:
        raise FakeMediaError("This is no video.")

    with world(FakeDecoder(FRAMES, on_frame=refuse)) as made:
        told = made.done(made.submit().json()["id"])
        assert (told["state"], told["reason"]) == ("failed", "This is no video.")


@pytest.mark.parametrize(
    ("request_", "status", "code", "sentence"),
    [
        ({"content": b"raw"}, 400, "bad_upload", "multipart/form-data"),
        ({"files": {"clip": ("a", b"x")}}, 400, "bad_upload", "part 'clip'"),
        ({"files": {"file": ("a", b"")}}, 400, "bad_upload", "empty"),
        ({"files": {"options": (None, b"{}")}}, 400, "bad_upload", "no part named 'file'"),
        (
            {"files": [("file", ("a", b"x")), ("file", ("b", b"y"))]},
            400,
            "bad_upload",
            "once each",
        ),
        (
            {"files": {"file": ("a", b"x")}, "data": {"options": "x" * 70_000}},
            400,
            "bad_upload",
            "options have more than",
        ),
        (
            {"files": {"file": ("a", b"x")}, "data": {"options": '{"mode": "backwards"}'}},
            422,
            "bad_options",
            "mode must be 'online'",
        ),
        (
            {
                "content": b"--b\r\nContent-Disposition: form-data; name=file\r\n\r\nhalf",
                "headers": {"content-type": "multipart/form-data; boundary=b"},
            },
            400,
            "bad_upload",
            "ends in the middle",
        ),
        (
            {
                "content": b"nothing of the kind",
                "headers": {"content-type": "multipart/form-data; boundary=b"},
            },
            400,
            "bad_upload",
            "no multipart form",
        ),
        (
            {
                "content": b"x",
                "headers": {"content-type": f"multipart/form-data; boundary={'b' * 999}"},
            },
            400,
            "bad_upload",
            "boundary",
        ),
    ],
)
def test_bad_uploads_are_refused_in_a_sentence_and_leave_nothing(
    shared, request_, status, code, sentence
):
    files = shared.live.service.videos.desk.files
    before = files.uploads(), set(files.videos())
    answer = shared.client.post("/v1/videos", **request_)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert sentence in problem["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert (files.uploads(), set(files.videos())) == before


def test_strange_ids_and_names_are_not_found(shared):
    video = shared.submit().json()["id"]
    shared.done(video)
    for path in ("nobody", "%2e%2e", "..%2f..%2fetc", "a%00b", f"{video}/artifacts/source"):
        answer = shared.client.get(f"/v1/videos/{path}")
        assert answer.status_code == 404, path
    names = ("..%2fsource", "draft-1-ytvis.json", "results-1.ndjson", "masks.zip")
    for name in names:
        assert shared.client.get(f"/v1/videos/{video}/artifacts/{name}").status_code == 404


def test_too_large_a_file_is_refused_before_it_is_read():
    with world(max_video_bytes=1000) as made:
        assert made.submit(data=b"x" * 1000).status_code == 202
        over = made.submit(data=b"x" * 1001)
        assert (over.status_code, over.json()["code"]) == (413, "upload_too_large")
        # Only the head is sent: the answer comes all the same.
        with socket.create_connection(
            (made.client.base_url.host, made.client.base_url.port)
        ) as raw:
            raw.sendall(
                b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            )
            assert b" 413 " in raw.recv(100)


def test_a_quota_refuses_uploads_before_the_disk_is_full():
    with world(data_max_bytes=200_000) as made:
        assert made.submit(data=b"x" * 150_000).status_code == 202
        refused = made.submit(data=b"x" * 150_000)
        assert (refused.status_code, refused.json()["code"]) == (507, "no_space")


def test_what_open_uploads_have_announced_is_kept_for_them():
    with world(data_max_bytes=250_000, video_jobs=0) as made:
        files = made.live.service.videos.desk.files
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "100000"}
        upload = made.client.post("/v1/uploads", headers=tus).headers["location"]
        with broken_off(made) as raw:
            until = time.monotonic() + SOON_S
            while unclaimed_room(files) > 60_000:
                assert time.monotonic() < until
                time.sleep(0.01)
            for refused in (
                made.submit(data=b"x" * 60_000),
                made.client.post("/v1/uploads", headers=tus),
            ):
                assert (refused.status_code, refused.json()["code"]) == (507, "no_space")
            raw.close()
            while unclaimed_room(files) < 60_000:
                assert time.monotonic() < until
                time.sleep(0.01)
        assert made.submit(data=b"x" * 60_000).status_code == 202
        assert made.submit(data=b"x" * 100_000).status_code == 507
        assert made.client.delete(upload, headers=tus).status_code == 204
        assert made.submit(data=b"x" * 100_000).status_code == 202


def broken_off(made: World) -> socket.socket:
    """A connection over which the first bytes of a form of 100,000 have come."""
    url = made.client.base_url
    raw = socket.create_connection((url.host, url.port))
    raw.sendall(
        b"POST /v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n" + b"x" * 5000
    )
    return raw


def test_a_quota_holds_in_the_middle_of_an_upload_of_unknown_length():
    boundary = {"Content-Type": "multipart/form-data; boundary=b"}

    def form() -> Iterator[bytes]:
        yield b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
        for _ in range(64):
            yield b"x" * (1 << 20)
        yield b"\r\n--b--\r\n"

    with world(data_max_bytes=10 << 20) as made:
        refused = made.client.post("/v1/videos", content=form(), headers=boundary)
        assert (refused.status_code, refused.json()["code"]) == (507, "no_space")
        files = made.live.service.videos.desk.files
        until = time.monotonic() + SOON_S
        while files.uploads():
            assert time.monotonic() < until
            assert files.used_bytes() <= 10 << 20
            time.sleep(0.01)
        assert files.videos() == []


def test_nothing_is_taken_where_the_disk_is_almost_full():
    with world(min_free_bytes=1 << 60) as made:
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
        for answer in (
            made.submit(),
            made.client.post("/v1/uploads", headers=tus),
        ):
            assert (answer.status_code, answer.json()["code"]) == (507, "no_space")
            assert "disk" in answer.json()["detail"]


def test_videos_and_uploads_go_after_their_time(monkeypatch):
    monkeypatch.setattr("maskstream_server.jobs.service.TEND_S", 0.1)
    monkeypatch.setattr("maskstream_server.jobs.files.ORPHAN_S", 0.2)
    with world(video_retention_s=1.0, upload_expiry_s=0.5) as made:
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
        assert made.client.post("/v1/uploads", headers=tus).status_code == 201
        video = made.submit().json()["id"]
        assert made.done(video)["state"] == "done"
        files = made.live.service.videos.desk.files
        until = time.monotonic() + SOON_S
        while files.videos() or files.uploads():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert made.client.get(f"/v1/videos/{video}").status_code == 404


def test_a_key_is_needed_where_the_operator_set_any():
    with world(api_keys=("secret",)) as made:
        assert made.submit().status_code == 401
        assert made.client.get("/v1/videos").status_code == 401
        made.client.headers["Authorization"] = "Bearer secret"
        assert made.submit().status_code == 202
        assert made.client.get("/v1/videos").status_code == 200


def test_pages_of_strangers_cannot_hand_videos_in(shared):
    answer = shared.submit(headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_upload_that_breaks_off_leaves_nothing(shared):
    files = shared.live.service.videos.desk.files
    before = set(files.uploads())
    with broken_off(shared):
        until = time.monotonic() + SOON_S
        while set(files.uploads()) == before:
            assert time.monotonic() < until
            time.sleep(0.01)
    while set(files.uploads()) != before:
        assert time.monotonic() < until
        time.sleep(0.01)
