"""What is refused of whole videos over HTTP: files, ids, keys, pages of other origins."""

from collections.abc import Iterator

import pytest

from support.fake_video import FakeDecoder, FakeMediaError
from support.held_videos import FRAMES
from support.video_world import World, world


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with world() as made:
        yield made


def test_a_file_that_is_no_video_fails_with_a_sentence():
    def refuse(index: int) -> None:
        raise FakeMediaError("This is no video.")

    with world(FakeDecoder(FRAMES, on_frame=refuse)) as made:
        record = made.done(made.submit().json()["id"])
        assert (record["state"], record["reason"]) == ("failed", "This is no video.")


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
    files = shared.live.service.videos.api.files
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


def test_a_key_is_needed_where_the_operator_set_any():
    with world(api_keys=("a-key-for-testing",)) as made:
        assert made.submit().status_code == 401
        assert made.client.get("/v1/videos").status_code == 401
        made.client.headers["Authorization"] = "Bearer a-key-for-testing"
        assert made.submit().status_code == 202
        assert made.client.get("/v1/videos").status_code == 200


def test_equal_idempotency_keys_of_two_users_do_not_meet():
    first, other = "the-first-of-two-keys", "the-other-of-two-keys"
    with world(api_keys=(first, other)) as made:
        first_video, other_video, again = (
            made.submit(headers={"Idempotency-Key": "one", "Authorization": f"Bearer {key}"}).json()
            for key in (first, other, first)
        )
    assert first_video["id"] != other_video["id"]
    assert again["id"] == first_video["id"]


def test_pages_of_other_origins_cannot_submit_videos(shared):
    answer = shared.submit(headers={"Origin": "https://evil.example"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
