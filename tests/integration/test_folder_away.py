"""A folder of videos that is away: nothing is lost, and work continues when it is back."""

import json
import time
from collections.abc import Iterator

import pytest

from support.fake_video import FakeDecoder
from support.held_videos import FRAMES
from support.lost_folder import WAYS, LostFolder
from support.video_world import SOON_S, World, world

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
HELD_AT = 13


@pytest.fixture(params=WAYS)
def folder(request: pytest.FixtureRequest, tmp_path) -> Iterator[LostFolder]:
    made = LostFolder(tmp_path / "data", request.param)
    yield made
    made.bring_back()


@pytest.fixture
def here(folder: LostFolder) -> Iterator[World]:
    decoder = FakeDecoder(FRAMES, announced=len(FRAMES))
    with world(decoder, data_folder=folder.folder, checkpoint_frames=5) as made:
        yield made
        made.go_on.set()
        folder.bring_back()


def ready(made: World) -> tuple[int, bool, bool]:
    answer = made.client.get("/readyz")
    return answer.status_code, answer.json()["ready"], answer.json()["files"]


def test_who_asks_is_reported_in_a_sentence_and_asks_again_later(here, folder):
    video = here.done(here.submit().json()["id"])["id"]
    headers = TUS | {"Upload-Length": "4"}
    upload = here.client.post("/v1/uploads", headers=headers).headers["location"]
    assert ready(here) == (200, True, True)

    def write() -> list:
        part = PART | {"Upload-Offset": "0"}
        return [
            here.submit("b.mp4"),
            here.client.post("/v1/uploads", headers=headers),
            here.client.patch(upload, headers=part, content=b"abcd"),
        ]

    def read() -> list:
        return [
            here.client.get(f"/v1/videos/{video}/artifacts/ytvis.json"),
            here.client.get(f"/v1/videos/{video}/results"),
        ]

    folder.take_away()
    for answer in write() + ([] if folder.way == "read-only" else read()):
        assert (answer.status_code, answer.json()["code"]) == (503, "folder_away"), answer.text
        assert "folder of videos cannot be used now" in answer.json()["detail"]
    assert ready(here) == (503, False, False)
    assert here.client.get("/healthz").status_code == 200
    assert here.client.get(f"/v1/videos/{video}").json()["state"] == "done"

    folder.bring_back()
    assert ready(here) == (200, True, True)
    assert [answer.status_code for answer in write()] == [202, 201, 204]
    assert [answer.status_code for answer in read()] == [200, 200]


def test_a_video_that_is_worked_on_waits_and_continues_from_its_last_checkpoint(here, folder):
    undisturbed = here.done(here.submit().json()["id"])["id"]
    here.decoder.on_frame = lambda index: index != HELD_AT or here.go_on.wait(SOON_S)
    video = here.submit().json()["id"]
    here.until(video, lambda record: record["frames_done"] == 10)
    folder.take_away()
    here.go_on.set()
    here.until(video, lambda record: record["state"] == "queued")
    folder.bring_back()
    record = here.done(video)
    assert (record["state"], record["reason"], record["attempt"]) == ("done", None, 1)
    assert results(here, video) == results(here, undisturbed)


def results(made: World, video: str) -> list:
    lines = made.client.get(f"/v1/videos/{video}/results").text.splitlines()
    artifact = made.client.get(f"/v1/videos/{video}/artifacts/ytvis.json")
    return [*map(json.loads, lines), artifact.json()]


def test_a_waiting_video_is_begun_when_the_folder_is_back(here, folder):
    here.decoder.on_frame = lambda index: here.go_on.wait(SOON_S)
    first, second = (here.submit().json()["id"] for _ in range(2))
    here.until(first, lambda record: record["state"] == "running")
    folder.take_away()
    here.go_on.set()
    here.until(first, lambda record: record["state"] == "queued")
    time.sleep(1.5)  # none is tried and failed meanwhile
    for video in (first, second):
        assert here.client.get(f"/v1/videos/{video}").json()["state"] == "queued"
    folder.bring_back()
    assert [here.done(video)["state"] for video in (first, second)] == ["done", "done"]


def test_a_video_is_cancelled_while_it_waits(here, folder):
    here.decoder.on_frame = lambda index: here.go_on.wait(SOON_S)
    video = here.submit().json()["id"]
    here.until(video, lambda record: record["state"] == "running")
    folder.take_away()
    here.go_on.set()
    here.until(video, lambda record: record["state"] == "queued")
    assert here.client.delete(f"/v1/videos/{video}").json()["state"] == "cancelled"
    folder.bring_back()
    assert here.done(here.submit().json()["id"])["state"] == "done"
    assert here.client.get(f"/v1/videos/{video}").json()["state"] == "cancelled"
