"""The pure parts of a client of whole videos: retries, headers, forms, lines, the resume file."""

import json
from dataclasses import replace

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskstream_client import ConnectionFailedError, RefusedError, RetryRules
from maskstream_client.video_record import page_from, video_from
from maskstream_client.videos import AsyncVideos, Submission, VideoOptions, tus
from maskstream_client.videos.http import Place
from maskstream_client.videos.http_errors import refusal
from maskstream_client.videos.lines import frame_line_from, whole_lines
from maskstream_client.videos.resume_file import ResumeFile
from maskstream_client.videos.retrying import RetryPolicy, TransientError
from maskstream_protocol.errors import ForbiddenError, StoreAwayError, UnauthorizedError

LOST = TransientError(ConnectionFailedError("It is away."))
RULES = RetryRules(first_delay_s=1.0, max_delay_s=5.0, give_up_after_s=60.0)
LINE = {
    "frame": 3,
    "time_s": 0.12,
    "size": [2, 3],
    "objects": [
        {
            "track_id": 7,
            "class_id": 1,
            "label": "cat",
            "score": 0.5,
            "status": "emerged",
            "age": 1,
            "box": [0, 0, 1, 2],
            "area": 2,
            "segmentation": {"size": [2, 3], "counts": "024"},
            "of_a_later_version": True,
        }
    ],
}


def test_pauses_double_up_to_the_longest_and_start_over_with_progress():
    policy = RetryPolicy(RULES)
    policy.note_progress()
    assert [policy.delay_s(LOST, 0.0) for _ in range(6)] == [0, 1, 2, 4, 5, 5]
    policy.note_progress()
    assert policy.delay_s(LOST, 100.0) == 0
    asks = TransientError(ConnectionFailedError("Later."), retry_after_s=9.0)
    assert policy.delay_s(asks, 100.0) == 9.0


def test_only_silence_ends_the_retries():
    policy = RetryPolicy(RULES)
    policy.note_progress()
    policy.delay_s(LOST, 10.0)
    policy.delay_s(LOST, 69.0)
    with pytest.raises(ConnectionFailedError, match=r"^Given up after 60 s: It is away\.$"):
        policy.delay_s(LOST, 70.0)
    policy.note_answer()
    assert policy.delay_s(LOST, 200.0) == 2.0


def test_a_server_that_never_answered_is_not_waited_for():
    with pytest.raises(ConnectionFailedError, match=r"^It is away\.$"):
        RetryPolicy(RULES).delay_s(LOST, 0.0)


def answer(status: int, **how) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://here/v1/videos"), **how)


def test_answers_are_reported_by_their_code_then_by_their_status():
    away = refusal(answer(503, json={"code": "store_away", "detail": "Away."}))
    assert isinstance(away, TransientError)
    assert isinstance(away.error, StoreAwayError)
    assert isinstance(refusal(answer(403, text="<html>")), ForbiddenError)
    assert isinstance(refusal(answer(401, json=[1])), UnauthorizedError)
    moved = refusal(answer(301, json={"code": 5, "detail": ""}))
    assert isinstance(moved, RefusedError)
    assert "GET http://here/v1/videos was answered with HTTP status 301." in str(moved)


@given(st.text(min_size=1), st.integers(1, 2**50))
def test_any_name_travels_in_a_header(name, num_bytes):
    headers = tus.creation_headers(
        name.encode("utf-8", "ignore").decode(), num_bytes, {"mode": "x"}
    )
    assert headers["Upload-Length"] == str(num_bytes)
    assert all(value.isascii() for _, value in httpx.Headers(headers).raw)


def test_an_upload_may_be_anywhere():
    collection = "https://here:8000/v1/uploads"
    for output, address, number in (
        ("/v1/uploads/a%20b", "https://here:8000/v1/uploads/a%20b", "a b"),
        ("https://there/x/7/?token=1", "https://there/x/7/?token=1", "7"),
        ("uploads/5", "https://here:8000/v1/uploads/5", "5"),
    ):
        assert tus.created_at(collection, {"Location": output}) == address
        assert tus.upload_id(address) == number
    for nowhere in ({}, {"Location": "ftp://there/1"}):
        with pytest.raises(ValueError, match="no address"):
            tus.created_at(collection, nowhere)


@pytest.mark.parametrize("offset", ["", "-1", "11", "x", "1.5"])
def test_an_offset_that_cannot_be_is_no_offset(offset):
    with pytest.raises(ValueError, match="offset"):
        tus.offset_of({"Upload-Offset": offset}, 10)


def test_strange_ids_stay_in_their_place():
    place = Place.of("http://here", None, None)
    assert place.video("../x?y#z") == "http://here/v1/videos/..%2Fx%3Fy%23z"
    assert place.video("..", "events") == "http://here/v1/videos/-/events"


async def test_certificates_are_read_once_for_all_calls(monkeypatch):
    read, create = [], httpx.create_ssl_context
    monkeypatch.setattr(
        httpx, "create_ssl_context", lambda **how: read.append(how) or create(**how)
    )
    videos = AsyncVideos("http://127.0.0.1:9", retry=RetryRules(give_up_after_s=0.0))
    for _ in range(3):
        with pytest.raises(ConnectionFailedError):
            await videos.get("a")
    assert read == [{"trust_env": True}]


@given(st.lists(st.binary().map(lambda line: line.replace(b"\n", b"")), min_size=1), st.data())
async def test_lines_are_whole_however_they_come(lines, data):
    text = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))

    async def pieces():
        for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            yield text[start:end]

    # What has no newline at its end was cut off.
    assert [line async for line in whole_lines(pieces())] == lines[:-1]


def test_a_line_gives_objects_with_masks():
    line = frame_line_from(json.dumps(LINE).encode())
    (item,) = line.objects
    assert (line.frame, item.track_id, item.label, item.box) == (3, 7, "cat", (0, 0, 1, 2))
    assert item.mask().tolist() == [[True, False, False], [True, False, False]]
    assert not replace(item, segmentation=None).mask().any()
    assert replace(item, segmentation=None).mask().dtype == np.bool_


@pytest.mark.parametrize("line", [b"<html>", b"[]", b"{}", b'{"frame": 1}', b'{"size": 3}'])
def test_what_is_no_line_is_reported(line):
    with pytest.raises(ValueError, match="no line of results"):
        frame_line_from(line)


def test_what_is_no_video_is_reported():
    for output in ([], None, {"id": "a"}):
        with pytest.raises(ValueError, match="no video"):
            video_from(output)
    with pytest.raises(ValueError, match="no list"):
        page_from({"videos": 3})
    later = {"id": "a", "name": "b", "state": "queued", "of_a_later_version": 1}
    assert video_from(later).name == "b"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"film")
    return path


def test_a_resume_file_remembers_the_run_of_one_file_with_one_set_of_options(source, tmp_path):
    def resume_file(url="http://here", **options):
        return ResumeFile(tmp_path / "out", source, url, VideoOptions(**options))

    kept = Submission("key", "http://here/v1/uploads/1", "video")
    assert resume_file().read() not in (kept, resume_file().read())  # each is new
    resume_file().write(kept)
    assert resume_file().read() == kept
    assert resume_file(url="http://there").read().upload is None
    assert resume_file(mask_scale=0.5).read().upload is None  # it is a video's already
    source.write_bytes(b"another film")
    assert resume_file().read().upload is None
    resume_file().write(replace(kept, video=None))
    # An upload that is no video yet can become one with other options, under another key.
    other = resume_file(mask_scale=0.5).read()
    assert other.upload == kept.upload
    assert other.key != kept.key
    resume_file().forget()
    resume_file().forget()
    assert resume_file().read().upload is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"file": 1}', '{"submission": {"x": 1}}'])
def test_a_broken_resume_file_is_none(source, tmp_path, text):
    (tmp_path / ".maskstream-run.json").write_text(text)
    resume_file = ResumeFile(tmp_path, source, "http://here", VideoOptions())
    assert resume_file.read().video is None
