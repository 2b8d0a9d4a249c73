"""Objects in a bucket of a real S3 over HTTP, and what is said when it does not do as it should."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from botocore.exceptions import ClientError

from maskstream_server.config.settings import Settings
from maskstream_server.doctor.bucket import check_bucket
from maskstream_server.errors import NoSpaceError, StartError, StoreUnreachableError
from maskstream_server.jobs.storage import bucket as bucket_module
from maskstream_server.jobs.storage.bucket import Bucket
from maskstream_server.jobs.storage.bucket_files import open_bucket
from maskstream_server.lifecycle.videos import open_files
from support.bucket import ADDRESS, NAME, real_bucket, shared_s3

__all__ = ["real_bucket", "shared_s3"]


@pytest.fixture
def bucket(real_bucket) -> Bucket:
    return Bucket(f"{ADDRESS}/videos")


def test_what_is_written_is_read_listed_and_removed(bucket, real_bucket):
    assert (bucket.folders(), bucket.below("a")) == ([], [])
    bucket.write("a/one", b"0123456789")
    bucket.write("a/deep/two", b"abc")
    bucket.write("ab/one", b"other")
    assert real_bucket.names() == [
        f"here/videos/{name}" for name in ("a/deep/two", "a/one", "ab/one")
    ]
    assert [(item.name, item.num_bytes) for item in bucket.below("a")] == [
        ("a/deep/two", 3),
        ("a/one", 10),
    ]
    assert bucket.folders() == ["a", "ab"]
    assert bucket.read("a/one", 2, 5) == b"234"
    assert bucket.read_all(bucket.below("a")) == [b"abc", b"0123456789"]
    assert bucket.find("a/one").num_bytes == 10
    bucket.remove("a")
    bucket.remove("a")
    assert real_bucket.names() == ["here/videos/ab/one"]
    for missing in (lambda: bucket.read("a/one", 0, 1), lambda: bucket.find("a/one")):
        with pytest.raises(FileNotFoundError):
            missing()


@pytest.mark.parametrize("num_bytes", [0, 1, 11 << 20])
def test_a_file_arrives_as_it_is_also_in_pieces(
    bucket, real_bucket, tmp_path, monkeypatch, num_bytes
):
    monkeypatch.setattr(bucket_module, "PIECE_BYTES", 5 << 20)  # the smallest that S3 takes
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * (num_bytes // 256) + b"x" * (num_bytes % 256))
    bucket.put(source, "a/source")
    assert real_bucket.text("here/videos/a/source") == source.read_bytes()
    with pytest.raises(FileNotFoundError):
        bucket.put(tmp_path / "none", "a/none")


def test_a_trial_leaves_nothing(real_bucket):
    assert open_bucket(ADDRESS).folders() == []
    assert real_bucket.names() == []


def test_a_storage_that_is_away_is_reported_in_a_sentence_and_may_come_back(bucket, real_bucket):
    bucket.write("a/one", b"1")
    real_bucket.proxy.away = True
    for call in (
        lambda: bucket.write("a/two", b"2"),
        lambda: bucket.read("a/one", 0, 1),
        lambda: bucket.find("a/one"),
        lambda: bucket.below("a"),
        lambda: bucket.remove("a"),
    ):
        with pytest.raises(StoreUnreachableError, match=f"the bucket '{NAME}' cannot be reached: "):
            call()
    open_bucket(ADDRESS)  # it may come back before somebody needs it
    real_bucket.proxy.away = False
    assert bucket.read("a/one", 0, 1) == b"1"


def test_a_bucket_that_is_not_there_is_named(real_bucket):
    with pytest.raises(StoreUnreachableError, match="there is no bucket 'another'"):
        Bucket("s3://another/videos").read("a/one", 0, 1)
    with pytest.raises(StartError, match=r"^MASKSTREAM_BUCKET cannot .* no bucket 'another'\.$"):
        open_bucket("s3://another")


def test_keys_that_do_not_open_it_are_reported(bucket, shared_s3):
    with asked_for_keys(shared_s3):
        with pytest.raises(
            StoreUnreachableError, match=f"the keys do not open the bucket '{NAME}': The"
        ):
            bucket.read("a", 0, 1)
        with pytest.raises(StartError, match=r"^MASKSTREAM_BUCKET cannot be used: the keys do not"):
            open_bucket(ADDRESS)


@contextmanager
def asked_for_keys(url: str) -> Iterator[None]:
    """Nobody's keys are good meanwhile."""
    httpx.post(f"{url}/moto-api/reset-auth", content="0")
    yield
    httpx.post(f"{url}/moto-api/reset-auth", content="inf")


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("AWS_ACCESS_KEY_ID", None, "Unable to locate credentials"),
        ("AWS_ENDPOINT_URL", "minio:9000", "Invalid endpoint: minio:9000"),
        ("AWS_PROFILE", "nobody", "The config profile .nobody. could not be found"),
    ],
)
def test_an_environment_that_cannot_be_used_is_reported(
    real_bucket, monkeypatch, variable, value, reason
):
    monkeypatch.delenv(variable, raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(StartError, match=f"does not lead to the bucket '{NAME}': {reason}"):
        open_bucket(ADDRESS)


def test_what_may_not_be_removed_is_reported(bucket, monkeypatch):
    bucket.write("a/one", b"1")
    monkeypatch.setattr(bucket._system, "rm", lambda paths: None)  # S3 answers well all the same
    with pytest.raises(StoreUnreachableError, match="cannot be removed"):
        bucket.remove("a")


def test_a_full_storage_is_reported(bucket, monkeypatch):
    def full(*args, **options) -> None:
        raise OSError("full") from ClientError({"Error": {"Code": "QuotaExceeded"}}, "PutObject")

    monkeypatch.setattr(bucket._system, "pipe_file", full)
    with pytest.raises(NoSpaceError, match="storage of the server is full"):
        bucket.write("a", b"")


def test_the_doctor_looks_at_it(real_bucket):
    (finding,) = check_bucket(ADDRESS)
    assert (finding.grade, ADDRESS in finding.text) == ("ok", True)
    (finding,) = check_bucket("s3://another")
    assert (finding.grade, finding.text) == ("failed", "there is no bucket 'another'")
    assert real_bucket.names() == []


def test_a_missing_extra_is_reported(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    for name in ("bucket", "bucket_files"):
        monkeypatch.delitem(sys.modules, f"maskstream_server.jobs.storage.{name}", raising=False)
    settings = Settings(bucket=ADDRESS)
    with pytest.raises(StartError, match=r"pip install 'maskstream\[s3\]'"):
        open_files(settings, tmp_path)
    assert "maskstream[s3]" in check_bucket(ADDRESS)[0].advice
