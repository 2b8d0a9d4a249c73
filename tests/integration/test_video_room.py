"""The room that videos take: limits, quotas, what is announced, and what goes after its time."""

import socket
import time
from collections.abc import Iterator

from maskstream_server.jobs.intake.reservation import unreserved_space
from support.video_world import SOON_S, World, world


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
                b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n"
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
        files = made.live.service.videos.api.files
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "100000"}
        upload = made.client.post("/v1/uploads", headers=tus).headers["location"]
        with broken_off(made) as raw:
            until = time.monotonic() + SOON_S
            while unreserved_space(files) > 60_000:
                assert time.monotonic() < until
                time.sleep(0.01)
            for refused in (
                made.submit(data=b"x" * 60_000),
                made.client.post("/v1/uploads", headers=tus),
            ):
                assert (refused.status_code, refused.json()["code"]) == (507, "no_space")
            raw.close()
            while unreserved_space(files) < 60_000:
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
        b"POST /v1/videos HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
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
        files = made.live.service.videos.api.files
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
    monkeypatch.setattr("maskstream_server.jobs.storage.files.ORPHAN_S", 0.2)
    with world(video_retention_s=1.0, upload_expiry_s=0.5) as made:
        tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
        assert made.client.post("/v1/uploads", headers=tus).status_code == 201
        video = made.submit().json()["id"]
        assert made.done(video)["state"] == "done"
        files = made.live.service.videos.api.files
        until = time.monotonic() + SOON_S
        while files.videos() or files.uploads():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert made.client.get(f"/v1/videos/{video}").status_code == 404


def test_an_upload_that_breaks_off_leaves_nothing():
    with world() as made:
        files = made.live.service.videos.api.files
        before = set(files.uploads())
        until = time.monotonic() + SOON_S
        with broken_off(made):
            while set(files.uploads()) == before:
                assert time.monotonic() < until
                time.sleep(0.01)
        while set(files.uploads()) != before:
            assert time.monotonic() < until
            time.sleep(0.01)
