"""`/v1/uploads`: tus 1.0 over HTTP, and videos made of what has come."""

import base64
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx
import numpy as np
import psutil
import pytest

from maskstream_server.routes.uploads import UPLOADS_PATH
from support.fake_video import FakeDecoder
from support.server import running_server
from support.server_process import server_process
from support.upload_calls import FILE, PART, SOON_S, TUS, append, begin, client, id_of, live, submit

__all__ = ["client", "live"]


def test_a_server_says_what_it_can(client):
    answer = client.options(UPLOADS_PATH)
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert answer.headers["tus-max-size"] == str(1 << 20)
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "expiration",
        "termination",
    }


def test_an_upload_in_parts_becomes_a_video(client, live):
    path = begin(client)
    assert path.startswith("/v1/uploads/")
    answer = append(client, path, 0, FILE[:3000])
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "3000")
    assert parsedate_to_datetime(answer.headers["upload-expires"]).timestamp() > time.time()

    unfinished = submit(client, path)
    assert (unfinished.status_code, unfinished.json()["code"]) == (409, "upload_unfinished")
    assert unfinished.json()["detail"] == "Only 3000 of the upload's 10240 bytes have come."

    found = client.head(path, headers=TUS)
    assert found.status_code == 200
    assert (found.headers["upload-offset"], found.headers["upload-length"]) == ("3000", "10240")
    assert found.headers["cache-control"] == "no-store"
    assert found.headers["upload-metadata"].endswith(",hidden")
    assert append(client, path, 3000, FILE[3000:]).headers["upload-offset"] == "10240"

    bad = submit(client, path, options={"speed": 2})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_options")
    made = submit(client, path, options={"artifacts": []})
    assert made.status_code == 202
    record = made.json()
    assert (record["name"], record["bytes"], record["state"]) == ("später.mp4", 10240, "queued")
    assert live.service.videos.api.files.source(record["id"]).read_bytes() == FILE
    # The upload is a video now; a client that does not know asks once more and gets the same.
    assert client.head(path, headers=TUS).status_code == 404
    assert submit(client, path).json()["id"] == record["id"]
    other = client.post(
        "/v1/videos", json={"upload": id_of(path)}, headers={"Idempotency-Key": "another"}
    )
    assert (other.status_code, other.json()["code"]) == (404, "upload_unknown")
    # What makes an upload one video is no key that a client can give.
    guessed = client.post(
        "/v1/videos",
        files={"file": ("b.mp4", b"another")},
        headers={"Idempotency-Key": f"upload {id_of(path)}"},
    )
    assert guessed.json()["id"] != record["id"]


def test_a_small_file_may_come_with_its_announcement(client):
    headers = PART | {"Upload-Length": "10240"}
    answer = client.post(UPLOADS_PATH, headers=headers, content=FILE)
    assert (answer.status_code, answer.headers["upload-offset"]) == (201, "10240")
    assert submit(client, answer.headers["location"]).json()["name"] == "upload"


def test_a_part_without_a_length_is_taken_as_far_as_it_goes(client):
    path = begin(client)
    headers = PART | {"Upload-Offset": "0"}
    answer = client.patch(path, headers=headers, content=iter([FILE[:100], FILE[100:150]]))
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "150")
    over = client.patch(path, headers=PART | {"Upload-Offset": "150"}, content=FILE)
    assert (over.status_code, over.json()["code"]) == (413, "upload_too_large")


def test_what_came_before_a_connection_broke_is_kept(client):
    path = begin(client, length=1 << 20)
    url = client.base_url
    with socket.create_connection((url.host, url.port)) as raw:
        raw.sendall(
            f"PATCH {path} HTTP/1.1\r\nHost: localhost\r\n"
            "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n"
            "Content-Type: application/offset+octet-stream\r\nContent-Length: 1000000\r\n\r\n"
            "".encode()
            + b"x" * 70_000
        )
        time.sleep(0.2)
    until = time.monotonic() + SOON_S
    while (offset := client.head(path, headers=TUS).headers["upload-offset"]) != "70000":
        assert time.monotonic() < until, offset
        time.sleep(0.02)


def test_an_upload_can_be_given_up(client, live):
    path = begin(client)
    assert client.delete(path, headers=TUS).status_code == 204
    assert client.head(path, headers=TUS).status_code == 404
    assert id_of(path) not in live.service.videos.api.files.uploads()
    path = begin(client)
    headers = PART | {"Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    assert client.post(path, headers=headers, content=b"abc").headers["upload-offset"] == "3"
    override = TUS | {"X-HTTP-Method-Override": "DELETE"}
    assert client.post(path, headers=override).status_code == 204
    assert client.head(path, headers=TUS).status_code == 404


def test_large_files_are_never_held_in_memory():
    block, num_blocks = b"x" * (1 << 20), 192
    form = [b"--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"]
    form += [block] * num_blocks + [b"\r\n--b--\r\n"]
    process = psutil.Process()
    with (
        running_server(open_video=FakeDecoder([]), video_jobs=0) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as client,
    ):
        path = begin(client, length=num_blocks << 20)
        multipart = {"Content-Type": "multipart/form-data; boundary=b"}
        assert client.post("/v1/videos", content=iter(form), headers=multipart).status_code == 202
        before = process.memory_info().rss
        assert client.post("/v1/videos", content=iter(form), headers=multipart).status_code == 202
        headers = PART | {"Upload-Offset": "0"}
        answer = client.patch(path, headers=headers, content=iter([block] * num_blocks))
        assert answer.headers["upload-offset"] == str(num_blocks << 20)
        assert process.memory_info().rss - before < 50 << 20


def test_any_server_of_a_folder_continues_with_an_upload(shared_redis, tmp_path):
    shared_redis.client().flushall()
    shared = {"store": shared_redis.url, "data_folder": tmp_path}
    frames = [np.zeros((32, 48, 3), np.uint8)] * 3
    with (
        running_server(open_video=FakeDecoder(frames), video_jobs=0, **shared) as one,
        running_server(open_video=FakeDecoder(frames), **shared) as other,
        httpx.Client(base_url=one.url) as first,
        httpx.Client(base_url=other.url) as second,
    ):
        path = begin(first)
        append(first, path, 0, FILE[:5000])
        assert second.head(path, headers=TUS).headers["upload-offset"] == "5000"
        append(second, path, 5000, FILE[5000:8000])
        assert append(first, path, 5000, FILE[5000:]).status_code == 409
        append(first, path, 8000, FILE[8000:])
        record = submit(second, path).json()
        assert submit(first, path).json()["id"] == record["id"]
        assert first.head(path, headers=TUS).status_code == 404
        source = one.service.videos.api.files.source(record["id"])
        assert source.read_bytes() == FILE
        until = time.monotonic() + SOON_S
        while first.get(f"/v1/videos/{record['id']}").json()["state"] != "done":
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_server_killed_in_the_middle_of_an_upload_costs_what_was_on_its_way(tmp_path):
    settings = {"data_folder": str(tmp_path), "video_jobs": 0}
    file = FILE * 1000
    with server_process(settings) as first, httpx.Client(base_url=first.url) as client:
        path = begin(client, length=len(file))

        def until_killed() -> Iterator[bytes]:
            yield file[: len(file) // 2]
            until = time.monotonic() + SOON_S
            while httpx.head(first.url + path, headers=TUS).headers["upload-offset"] == "0":
                assert time.monotonic() < until
            first.kill()
            yield file[len(file) // 2 :]

        headers = PART | {"Upload-Offset": "0"}
        with pytest.raises(httpx.TransportError):
            client.patch(path, headers=headers, content=until_killed())
    with server_process(settings) as second, httpx.Client(base_url=second.url) as client:
        offset = int(client.head(path, headers=TUS).headers["upload-offset"])
        assert 0 < offset < len(file)
        append(client, path, offset, file[offset:])
        video = submit(client, path).json()["id"]
        assert (tmp_path / "videos" / video / "source").read_bytes() == file


def test_the_description_of_the_api_has_the_uploads(live):
    paths = httpx.get(f"{live.url}/openapi.json").json()["paths"]
    assert set(paths[UPLOADS_PATH]) == {"options", "post"}
    assert set(paths[UPLOADS_PATH + "/{upload}"]) == {"head", "patch", "delete"}


def test_a_key_is_needed_where_the_operator_set_any():
    decoder = FakeDecoder([])
    with (
        running_server(open_video=decoder, api_keys=("a-key-for-testing",)) as live,
        httpx.Client(base_url=live.url) as client,
    ):
        refused = client.post(UPLOADS_PATH, headers=TUS | {"Upload-Length": "5"}, content=b"12345")
        assert (refused.status_code, refused.headers["tus-resumable"]) == (401, "1.0.0")
        client.headers["Authorization"] = "Bearer a-key-for-testing"
        begin(client)


@pytest.mark.parametrize(
    ("said", "artifacts"), [({}, ["masks.zip"]), ({"options": {}}, ["ytvis.json"])]
)
def test_what_was_wanted_when_an_upload_began_counts_unless_something_else_is_said(
    client, said, artifacts
):
    wishes = "options " + base64.b64encode(b'{"artifacts": ["masks.zip"]}').decode()
    path = begin(client, wishes=wishes, length=3)
    assert append(client, path, 0, b"abc").status_code == 204
    assert submit(client, path, **said).json()["options"]["artifacts"] == artifacts
