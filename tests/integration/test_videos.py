"""Whole videos over HTTP: in, watched, read, taken away, refused."""

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from pycocotools import mask as coco

from support.fake_video import FakeDecoder
from support.held_videos import FRAMES
from support.video_world import SOON_S, World, world

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation:DeprecationWarning"  # pycocotools
)


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
    record = answer.json()
    assert (record["state"], record["name"], record["bytes"]) == ("queued", "später.mp4", 7)
    video = record["id"]
    assert answer.headers["location"] == f"/v1/videos/{video}"
    record = shared.done(video)
    assert (record["state"], record["percent"], record["frames_done"]) == ("done", 100.0, 23)
    assert record["artifacts"] == ["ytvis.json", "masks.zip"]

    lines = shared.client.get(f"/v1/videos/{video}/results").text.splitlines()
    assert [json.loads(line)["frame"] for line in lines] == list(range(23))
    (track,) = shared.client.get(f"/v1/videos/{video}/artifacts/ytvis.json").json()
    assert len(track["segmentations"]) == 23
    areas = [int(coco.decode(rle).sum()) for rle in track["segmentations"]]
    assert areas == [json.loads(line)["objects"][0]["area"] for line in lines]
    masks = shared.client.get(f"/v1/videos/{video}/artifacts/masks.zip")
    assert len(zipfile.ZipFile(io.BytesIO(masks.content)).namelist()) == 23 + 1  # tracks.json


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
        record = made.until(video, lambda record: record["frames_done"] == 10)
        assert (record["state"], record["percent"]) == ("running", 43.5)

        def frames(after: int) -> list[int]:
            answer = made.client.get(f"/v1/videos/{video}/results", params={"after": after})
            return [json.loads(line)["frame"] for line in answer.text.splitlines()]

        assert frames(-1) == list(range(10))
        assert frames(6) == [7, 8, 9]
        assert frames(9) == frames(100) == []
        made.go_on.set()
        made.done(video)
        assert frames(9) == list(range(10, 23))


def test_events_tell_of_progress_and_continue_where_they_were_left():
    with held(at=13) as made:
        video = made.submit().json()["id"]
        made.until(video, lambda record: record["frames_done"] == 10)
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


@pytest.mark.parametrize("ahead", [0, 1000])
def test_a_client_that_reconnects_gets_what_it_has_not_got_and_nothing_twice(ahead):
    with held(at=13) as made:
        video = made.submit().json()["id"]
        made.until(video, lambda record: record["frames_done"] == 10)
        path = f"/v1/videos/{video}/events"
        with made.client.stream("GET", path) as answer:
            first = next(line for line in answer.iter_lines() if line.startswith("id: "))
        last = int(first.removeprefix("id: "))
        # Where the store has lost what the client was sent, it is sent again.
        threading.Timer(1.0, made.go_on.set).start()
        again = events_of(made.client, video, last=last + ahead)
        assert again[0][0] == last if ahead else again[0][0] > last
        assert again[-1][1] == "ended"


def test_deleting_stops_the_work_within_a_second_and_removes_the_files():
    with held(at=13) as made:
        video = made.submit().json()["id"]
        made.until(video, lambda record: record["frames_done"] == 10)
        folder = made.live.service.videos.api.files.folder(video)
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
    assert not shared.live.service.videos.api.files.folder(video).exists()
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
