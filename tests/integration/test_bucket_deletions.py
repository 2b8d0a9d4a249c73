"""Videos in a bucket that nobody wants any more, also while the storage is away."""

import pytest

from maskstream_server.jobs.records.record import VideoState
from support.bucket import real_bucket, shared_s3
from support.bucket_videos import PLAIN, bucket, often, server
from support.fake_video import FakeDecoder, Gate
from support.held_videos import until

__all__ = ["bucket", "often", "real_bucket", "shared_s3"]


@pytest.mark.usefixtures("often")
def test_a_video_that_is_cancelled_while_it_runs_leaves_nothing(bucket):
    gate = Gate(at=11)
    with server(open_video=FakeDecoder(PLAIN, on_frame=gate)) as client:
        video = client.submit()
        client.until(video, lambda reported: reported["frames_done"] == 10)
        assert len(bucket.names()) == 3
        assert client.delete(f"/v1/videos/{video}").json()["state"] == VideoState.CANCELLED
        gate.go_on.set()
        until(lambda: bucket.names() == [])
        # What a worker puts there that has not heard of it goes, too.
        bucket.write(f"here/videos/{video}/results-1.ndjson/00000008", b"late")
        until(lambda: bucket.names() == [])


@pytest.mark.usefixtures("often")
def test_a_video_that_is_deleted_while_the_storage_is_away_goes_later(bucket):
    gate = Gate(at=11)
    with server(open_video=FakeDecoder(PLAIN, on_frame=gate)) as client:
        video = client.submit()
        client.until(video, lambda reported: reported["frames_done"] == 10)
        bucket.proxy.away = True
        assert client.delete(f"/v1/videos/{video}").json()["state"] == VideoState.CANCELLED
        gate.go_on.set()
        assert bucket.names() != []
        bucket.proxy.away = False
        until(lambda: bucket.names() == [])


@pytest.mark.usefixtures("often")
def test_a_video_that_cannot_be_deleted_now_is_still_there(bucket):
    with server(open_video=FakeDecoder(PLAIN)) as client:
        video = client.submit()
        client.done(video)
        bucket.proxy.away = True
        answer = client.delete(f"/v1/videos/{video}")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
        assert client.get(f"/v1/videos/{video}").json()["state"] == VideoState.DONE
        bucket.proxy.away = False
        assert client.delete(f"/v1/videos/{video}").status_code == 204
        assert bucket.names() == []


@pytest.mark.usefixtures("often")
def test_videos_go_after_their_time(bucket, monkeypatch):
    monkeypatch.setattr("maskstream_server.jobs.storage.bucket_files.UNKNOWN_S", 0.5)
    with server(open_video=FakeDecoder(PLAIN), video_retention_s=5.0) as client:
        video = client.submit()
        client.done(video)
        assert bucket.names() != []
        until(lambda: bucket.names() == [])
        until(lambda: client.get(f"/v1/videos/{video}").status_code == 404)
