"""Files of videos in a bucket: what a worker elsewhere gets, what is reported, what goes when."""

import os
import time
from dataclasses import replace

import pytest

from maskstream_server.errors import FileGoneError, JobFailedError, NoSpaceError, UploadUnknownError
from maskstream_server.jobs.processing.part_writer import PartWriter
from maskstream_server.jobs.records.ids import new_id
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import Progress, checkpoint, claim
from maskstream_server.jobs.storage import bucket_files, remote
from maskstream_server.jobs.storage.bucket import Bucket
from maskstream_server.jobs.storage.bucket_files import BucketFiles
from maskstream_server.jobs.storage.files import DATA, ORPHAN_S
from support.bucket import ADDRESS, real_bucket, shared_s3
from support.uploads import video_record

__all__ = ["real_bucket", "shared_s3"]

LINES = [b"%d\n" % (100 * frame) for frame in range(9)]


@pytest.fixture
def bucket(real_bucket) -> Bucket:
    return Bucket(f"{ADDRESS}/videos")


@pytest.fixture
def files(bucket, tmp_path) -> BucketFiles:
    return BucketFiles(tmp_path / "here", None, 0, bucket)


class Worker:
    """Writes lines and counts them, on a machine of its own."""

    def __init__(self, bucket, folder, record):
        self.files = BucketFiles(folder, None, 0, bucket)
        self.record = claim(record, 1.0)
        self.files.bring(self.record)
        place, first = self.files.workplace(self.record), self.record.next_frame
        self.part = PartWriter(place, f"results-{self.record.fence}.ndjson", first)

    def write(self, *frames):
        self.part.write([lambda frame=frame: LINES[frame] for frame in frames])

    def keep(self):
        synced = self.part.sync()
        self.files.keep_lines(self.record, synced)
        return synced

    def count(self, next_frame):
        progress = Progress(next_frame, self.keep())
        self.record = checkpoint(self.record, self.record.fence, progress, 1.0)
        return self.record

    def result(self):
        place = self.files.workplace(self.record)
        return b"".join((place / part.name).read_bytes() for part in self.record.parts)


@pytest.fixture
def worker(bucket, tmp_path):
    """Makes workers on machines of their own."""
    made = []

    def make(record):
        made.append(Worker(bucket, tmp_path / str(len(made)), record))
        return made[-1]

    yield make
    for one in made:
        one.part.close()


def handed_in(files, video="a", text=b"a video"):
    upload = files.incoming("u")
    upload.mkdir(exist_ok=True)
    (upload / DATA).write_bytes(text)
    files.accept("u", video)
    return video_record(video, num_bytes=len(text))


def test_a_worker_elsewhere_continues_with_what_is_counted(files, real_bucket, worker):
    one = worker(handed_in(files))
    one.write(0, 1)
    one.count(2)
    one.count(2)  # nothing new
    one.write(2, 3, 4)
    counted = one.count(5)
    one.write(5)
    one.keep()  # and then it died

    two = worker(counted)
    assert (two.files.workplace(two.record) / "source").read_bytes() == b"a video"
    assert two.result() == b"".join(LINES[:5])
    two.write(5, 6)
    two.count(7)
    three = worker(two.record)
    assert three.result() == b"".join(LINES[:7])
    three.write(7, 8)
    last = three.count(9)
    assert real_bucket.names() == [
        "here/videos/a/results-1.ndjson/00000000",
        "here/videos/a/results-1.ndjson/00000002",
        "here/videos/a/results-1.ndjson/00000005",
        "here/videos/a/results-2.ndjson/00000005",
        "here/videos/a/results-3.ndjson/00000007",
        "here/videos/a/source",
    ]
    for after in range(-1, 10):
        assert list(files.lines(last, after)) == LINES[after + 1 :], after
        assert list(files.lines(counted, after)) == LINES[after + 1 : 5], after
    three.files.leave(last)
    assert os.listdir(three.files.root) == [".incoming"]


def test_only_the_pieces_with_wanted_lines_are_fetched_and_never_much_at_once(
    files, worker, monkeypatch
):
    one = worker(handed_in(files))
    for frame in range(9):
        one.write(frame)
        one.count(frame + 1)
    fetched, read_all = [], Bucket.read_all

    def noted(bucket, objects):
        fetched.append(len(objects))
        return read_all(bucket, objects)

    monkeypatch.setattr(Bucket, "read_all", noted)
    monkeypatch.setattr(bucket_files, "SIDE_BY_SIDE", 3)
    assert list(files.lines(one.record, 1)) == LINES[2:]
    assert fetched == [3, 3, 1]
    monkeypatch.setattr(bucket_files, "BLOCK_BYTES", 8)
    fetched.clear()
    assert list(files.lines(one.record, 4)) == LINES[5:]
    assert fetched == [2, 2]


def test_what_was_removed_from_outside_is_reported(files, real_bucket, worker):
    one = worker(handed_in(files))
    one.write(0)
    record = one.count(1)
    real_bucket.remove("here/videos/a/results-1.ndjson/00000000")
    with pytest.raises(FileGoneError):
        files.lines(record, -1)
    with pytest.raises(JobFailedError, match="not in the bucket any more"):
        worker(record)
    real_bucket.remove("here/videos/a/source")
    with pytest.raises(JobFailedError):
        worker(replace(record, parts=()))
    with pytest.raises(FileGoneError):
        files.artifact(record, "ytvis.json")
    with pytest.raises(UploadUnknownError):
        files.accept("gone", "b")


def test_objects_of_others_among_the_results_are_passed_over(files, real_bucket, worker):
    one = worker(handed_in(files))
    one.write(0)
    record = one.count(1)
    for name in ("..keep", "00000000.bak", "0/0", "9" * 900):
        real_bucket.write(f"here/videos/a/results-1.ndjson/{name}", b"not ours")
    assert list(files.lines(record, -1)) == LINES[:1]


def test_artifacts_are_read_in_ranges(files, worker, monkeypatch):
    one = worker(handed_in(files))
    record = replace(one.record, options=JobOptions(artifacts=("ytvis.json",)))
    (one.files.workplace(record) / "ytvis.json").write_bytes(b"0123456789")
    one.files.keep_artifacts(record)
    monkeypatch.setattr(remote, "BLOCK_BYTES", 4)
    file = files.artifact(record, "ytvis.json")
    assert file.num_bytes == 10
    assert list(file.blocks(1, 8)) == [b"1234", b"567"]


def test_a_machine_without_room_does_not_begin(bucket, files, tmp_path):
    record = claim(handed_in(files), 1.0)
    with pytest.raises(NoSpaceError):
        BucketFiles(tmp_path / "two", 3, 0, bucket).bring(record)
    assert os.listdir(tmp_path / "two") == [".incoming"]


def test_what_has_no_record_goes_after_a_while_and_nothing_of_others(
    files, real_bucket, monkeypatch
):
    known, orphan = (new_id(second, os.urandom) for second in (1.0, 2.0))
    for video in (known, orphan):
        handed_in(files, video)
    real_bucket.write("here/videos/holidays/beach.mp4", b"not ours")
    real_bucket.write(f"here/{orphan}/source", b"not ours either")
    assert files.strays({known: 0}) == []
    monkeypatch.setattr(bucket_files, "UNKNOWN_S", -60.0)
    assert files.strays({known: 0}) == [orphan]
    files.quarantine.put(orphan)
    assert (files.quarantine.videos(), files.strays({known: 0})) == ([orphan], [])
    assert files.quarantine.clear(3600.0) == []
    files.quarantine.take_back(orphan)
    assert (files.quarantine.videos(), files.strays({known: 0})) == ([], [orphan])
    files.quarantine.put(orphan)
    assert files.quarantine.clear(-60.0) == [orphan]
    assert files.quarantine.videos() == []
    assert real_bucket.names() == sorted(
        [
            f"here/videos/{known}/source",
            "here/videos/holidays/beach.mp4",
            f"here/{orphan}/source",
        ]
    )


def test_workplaces_of_claims_that_are_over_go_after_a_while(files):
    past_s = time.time() - ORPHAN_S - 1
    for name in ("a-1", "a-2", "b-1"):
        (files.root / name).mkdir()
        (files.root / name / "source").touch()
        for path in (files.root / name / "source", files.root / name):
            os.utime(path, (past_s, past_s))
    (files.root / "b-2").mkdir()
    files.clear_workplaces({"a": 2})
    assert sorted(os.listdir(files.root)) == [".incoming", "a-2", "b-2"]
