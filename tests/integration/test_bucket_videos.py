"""Videos in a bucket of a real S3 over HTTP: servers and workers share no folder."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from support.bucket import RealBucket, real_bucket, shared_s3
from support.bucket_videos import ALL, PLAIN, Client, bucket, server
from support.fake_video import FakeDecoder, Gate
from support.forks import Forked
from support.held_videos import until
from support.http_receiver import Answer, http_receiver
from support.lossless import write_lossless
from support.tiny import tiny_frames, tiny_model
from support.video_worker import work

__all__ = ["bucket", "real_bucket", "shared_s3"]

NUM_FRAMES = 30


def files_in(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones."""
    return [path for path in folder.rglob("[!.]*") if path.is_file()]


@contextmanager
def worker(redis: str, folder: Path, step_s: float) -> Iterator[Forked]:
    """A worker's process on a machine of its own, ready."""
    process = Forked(work, redis, folder, step_s, log=folder.with_suffix(".log"))
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.close()


@pytest.mark.slow
def test_a_worker_elsewhere_continues_where_another_was_killed(bucket, shared_redis, tmp_path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(NUM_FRAMES, seed=3)).read_bytes()
    with server(tiny_model(), threads=1, bucket=None) as local:
        video = local.submit(clip, ALL)
        local.done(video)
        expected = local.result(video)
    assert len(expected[0].splitlines()) == NUM_FRAMES
    assert bucket.names() == []

    shared_redis.client().flushall()
    machines = [tmp_path / name for name in ("a", "b", "c", "d")]
    shared = {"store": shared_redis.url, "video_jobs": 0}
    with ExitStack() as opened:
        one = opened.enter_context(server(data_folder=machines[0], **shared))
        first = opened.enter_context(worker(shared_redis.url, machines[1], 0.05))
        video = one.submit(clip, ALL)
        assert files_in(machines[0]) == []
        one.until(video, lambda record: record["frames_done"] >= 8)
        first.kill()
        first.wait()
        shutil.rmtree(machines[1])
        record = one.get(f"/v1/videos/{video}").json()
        lines = one.get(f"/v1/videos/{video}/results?after=5").content.splitlines()
        assert lines == expected[0].splitlines()[6 : record["frames_done"]]
        assert record["frames_done"] < NUM_FRAMES

        opened.enter_context(worker(shared_redis.url, machines[2], 0.0))
        assert one.done(video)["attempt"] == 2
        assert one.result(video) == expected
        until(lambda: files_in(machines[2]) == [])

        two = opened.enter_context(server(data_folder=machines[3], **shared))
        assert two.result(video) == expected
        check_ranges(two, f"/v1/videos/{video}/artifacts/ytvis.json", expected[1])
        assert two.delete(f"/v1/videos/{video}").status_code == 204
        assert bucket.names() == []


def check_ranges(client: Client, path: str, text: bytes) -> None:
    """A download that broke off continues."""
    answer = client.get(path, headers={"Range": "bytes=10-"})
    assert (answer.status_code, answer.content) == (206, text[10:])
    same = {"Range": "bytes=-7", "If-Range": answer.headers["etag"]}
    assert client.get(path, headers=same).content == text[-7:]
    assert client.get(path, headers={"Range": f"bytes={len(text)}-"}).status_code == 416


def test_a_storage_that_goes_away_and_comes_back_only_delays(bucket):
    gates = Gate(at=11), Gate(at=17)

    def pass_gates(index: int) -> None:
        for gate in gates:
            gate(index)

    with server(open_video=FakeDecoder(PLAIN), bucket=None) as local:
        video = local.submit()
        local.done(video)
        expected = local.result(video, ALL[:1])
    with server(open_video=FakeDecoder(PLAIN, on_frame=pass_gates)) as client:
        video = client.submit()
        client.until(video, lambda record: record["frames_done"] == 10)
        bucket.proxy.away = True
        for gate in gates:
            gate.go_on.set()
        time.sleep(3.0)
        assert client.get(f"/v1/videos/{video}").json()["frames_done"] == 10
        for answer in (
            client.get(f"/v1/videos/{video}/results"),
            client.post("/v1/videos", files={"file": b"another"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
        bucket.proxy.away = False
        assert client.done(video)["attempt"] == 1
        assert client.result(video, ALL[:1]) == expected


def test_an_upload_waits_for_a_storage_that_is_away(bucket, tmp_path):
    tus = {"Tus-Resumable": "1.0.0"}
    part = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    with server(open_video=FakeDecoder(PLAIN), data_folder=tmp_path) as client:
        made = client.post("/v1/uploads", headers={**tus, "Upload-Length": "7"})
        path = made.headers["location"]
        assert client.patch(path, content=b"a video", headers=tus | part).status_code == 204
        upload = {"upload": path.rpartition("/")[2]}
        bucket.proxy.away = True
        assert client.post("/v1/videos", json=upload).status_code == 503
        assert client.head(path, headers=tus).headers["upload-offset"] == "7"
        bucket.proxy.away = False
        video = client.post("/v1/videos", json=upload).json()["id"]
        assert bucket.text(f"here/videos/{video}/source") == b"a video"
        assert client.head(path, headers=tus).status_code == 404
        assert client.post("/v1/videos", json=upload).json()["id"] == video
        client.done(video)
    assert files_in(tmp_path) == []


def test_a_download_that_the_storage_broke_off_continues(bucket, monkeypatch):
    with server(open_video=FakeDecoder(PLAIN)) as client:
        video = client.submit()
        client.done(video)
        path = f"/v1/videos/{video}/artifacts/ytvis.json"
        whole = client.get(path).content
        with monkeypatch.context() as slow:
            slow.setattr("maskstream_server.jobs.storage.remote.BLOCK_BYTES", 4)
            here = broken_off(client, path, bucket)
        assert 0 < len(here) < len(whole)
        rest = client.get(path, headers={"Range": f"bytes={len(here)}-"})
        assert here + rest.content == whole


def broken_off(client: Client, path: str, bucket: RealBucket) -> bytes:
    """What comes of a file whose storage goes away after its first bytes."""
    here = bytearray()
    try:
        with client.stream("GET", path) as answer:
            for piece in answer.iter_raw():
                here += piece
                bucket.proxy.away = True
    except httpx.RemoteProtocolError:
        bucket.proxy.away = False
        return bytes(here)
    raise AssertionError("nobody has noticed")


def test_a_storage_that_hangs_holds_nobody_else_up(bucket, monkeypatch):
    monkeypatch.setattr("maskstream_server.jobs.storage.bucket.TIMEOUTS", {"read_timeout": 120.0})
    with server(open_video=FakeDecoder(PLAIN)) as client, socket.create_server(("", 0)) as hole:
        video = client.submit()
        client.done(video)
        bucket.proxy.lead_to(f"http://127.0.0.1:{hole.getsockname()[1]}")
        with pytest.raises(httpx.ReadTimeout):
            client.get(f"/v1/videos/{video}/results", timeout=0.5)
        assert client.get(f"/v1/videos/{video}", timeout=60).json()["state"] == "done"
        assert client.get("/healthz", timeout=60).status_code == 200


def test_a_video_that_was_fetched_is_fetched_once(bucket, tmp_path):
    gate = Gate(at=11)
    with http_receiver(lambda asked: Answer(body=b"from afar")) as receiver:
        hosts = {"video_url_hosts": (receiver.authority,), "private_hosts": (receiver.authority,)}
        decoder = FakeDecoder(PLAIN, on_frame=gate)
        with server(open_video=decoder, data_folder=tmp_path, **hosts) as client:
            video = client.post("/v1/videos", json={"url": f"{receiver.url}/a.mp4"}).json()["id"]
            client.until(video, lambda record: record["frames_done"] == 10)
            assert bucket.text(f"here/videos/{video}/source") == b"from afar"
            gate.go_on.set()
            client.done(video)
        assert len(receiver.asked) == 1
    assert files_in(tmp_path) == []
