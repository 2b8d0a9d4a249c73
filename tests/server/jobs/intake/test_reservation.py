"""What open uploads have announced counts as taken, for all processes that share the folder."""

import asyncio
import fcntl
import multiprocessing
import os
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from maskstream_server.errors import NoSpaceError, UploadUnknownError
from maskstream_server.jobs.intake.reservation import (
    CLAIM,
    LOCK,
    SILENCE_S,
    Reservation,
    unreserved_space,
)
from maskstream_server.jobs.intake.resumable import Announcement, ResumableUploads
from maskstream_server.jobs.storage.files import DATA, INCOMING, VideoFiles

QUOTA = 100_000
SMALL = 1000
"""What the claims' own files take at most."""


@pytest.fixture
def files(tmp_path):
    return VideoFiles(tmp_path, QUOTA, 0)


def claimed(files: VideoFiles, name: str, num_bytes: int) -> Reservation:
    files.incoming(name).mkdir()
    claim = Reservation(files, name, SILENCE_S)
    claim.take(num_bytes, num_bytes)
    return claim


def age(files: VideoFiles, upload: str, seconds: float) -> None:
    then_s = time.time() - seconds
    for path in files.incoming(upload).iterdir():
        os.utime(path, (then_s, then_s))


def test_what_is_claimed_is_of_one_owner(files):
    claimed(files, "a", 60_000)
    files.incoming("b").mkdir()
    with pytest.raises(NoSpaceError, match="quota"):
        Reservation(files, "b", SILENCE_S).take(50_000, 50_000)
    assert list(files.incoming("b").iterdir()) == []
    assert 40_000 - SMALL < unreserved_space(files) < 40_000
    files.forget("a")
    assert Reservation(files, "b", SILENCE_S).take(50_000, 50_000) == 50_000


def test_what_has_come_is_not_counted_twice(files):
    claimed(files, "a", 60_000)
    for come in (0, 20_000, 60_000, 70_000):
        (files.incoming("a") / DATA).write_bytes(b"x" * come)
        left = QUOTA - max(60_000, come)
        assert left - SMALL < unreserved_space(files) < left


def test_a_claim_of_unknown_length_takes_what_there_is_and_is_taken_anew(files):
    claimed(files, "a", 60_000)
    claim = claimed(files, "b", 0)
    took = claim.take(1000, 80_000)
    assert 40_000 - SMALL < took < 40_000
    (files.incoming("b") / DATA).write_bytes(b"x" * took)
    with pytest.raises(NoSpaceError):
        claim.take(1000, 80_000)
    files.forget("a")
    assert claim.take(1000, 50_000) == 50_000


def test_the_disk_counts_like_a_quota(tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    free = files.check_space()
    claimed(files, "a", free // 2)
    files.incoming("b").mkdir()
    with pytest.raises(NoSpaceError, match="disk"):
        Reservation(files, "b", SILENCE_S).take(2 * free // 3, 2 * free // 3)


def test_a_silent_claim_lapses_and_holds_again_when_more_comes(files):
    claimed(files, "a", 60_000)
    age(files, "a", SILENCE_S - 10)
    assert unreserved_space(files) < 40_000
    age(files, "a", SILENCE_S + 10)
    assert unreserved_space(files) > 60_000
    (files.incoming("a") / DATA).write_bytes(b"x")
    assert unreserved_space(files) < 40_000


async def test_the_claim_of_a_resumable_upload_lasts_until_it_ends_or_expires(files):
    uploads = ResumableUploads(files, QUOTA, expiry_s=100.0)

    async def chunks():
        yield b"x" * 30_000

    made = await uploads.create(Announcement(60_000, "a"))
    await uploads.append(made.id, 0, chunks())
    with pytest.raises(NoSpaceError):
        await uploads.create(Announcement(50_000, "b"))
    assert files.uploads() == [made.id]
    age(files, made.id, 101.0)
    assert files.remove_abandoned(100.0) == []  # its folder is young
    await uploads.create(Announcement(50_000, "b"))


async def test_uploads_that_are_announced_and_never_begin_hold_their_room_for_minutes(files):
    uploads = ResumableUploads(files, QUOTA, expiry_s=1000.0, begin_s=60.0)
    made = [await uploads.create(Announcement(30_000, "a")) for _ in range(3)]
    for upload in made:
        age(files, upload.id, 50.0)
    with pytest.raises(NoSpaceError):
        await uploads.create(Announcement(30_000, "b"))
    for upload in made:
        age(files, upload.id, 61.0)
    await uploads.create(Announcement(90_000, "b"))
    with pytest.raises(UploadUnknownError):
        await uploads.find(made[0].id)


async def test_an_upload_of_which_something_has_come_keeps_its_room(files):
    uploads = ResumableUploads(files, QUOTA, expiry_s=1000.0, begin_s=60.0)

    async def chunks():
        yield b"x"

    made = await uploads.create(Announcement(90_000, "a"))
    await uploads.append(made.id, 0, chunks())
    age(files, made.id, 900.0)
    with pytest.raises(NoSpaceError):
        await uploads.create(Announcement(30_000, "b"))
    assert (await uploads.find(made.id)).offset == 1


def test_a_claim_of_an_earlier_version_holds(files):
    claimed(files, "a", 60_000)
    (files.incoming("a") / CLAIM).write_text("60000 300.0")
    assert unreserved_space(files) < 40_000
    age(files, "a", 310)
    assert unreserved_space(files) > 60_000


async def test_of_many_at_once_no_more_come_in_than_have_room(files):
    uploads = ResumableUploads(files, QUOTA, expiry_s=100.0)
    made = await asyncio.gather(
        *(uploads.create(Announcement(30_000, "a")) for _ in range(20)), return_exceptions=True
    )
    assert [type(one) for one in made if isinstance(one, Exception)] == [NoSpaceError] * 17
    assert len(files.uploads()) == 3


def test_a_process_that_stands_still_with_the_lock_is_not_waited_for(files, monkeypatch):
    monkeypatch.setattr("maskstream_server.jobs.intake.reservation.LOCK_S", 0.1)
    with (files.root / INCOMING / LOCK).open("wb") as held, capture_logs() as logs:
        fcntl.flock(held, fcntl.LOCK_EX)
        claimed(files, "a", 1000)
    assert [line["event"] for line in logs] == ["lock_not_had"]
    assert unreserved_space(files) < QUOTA - 1000


def take_many(root: Path, process: int) -> None:
    files = VideoFiles(root, QUOTA, 0)
    for number in range(10):
        try:
            claimed(files, f"{process}x{number}", 15_000)
        except NoSpaceError:
            files.forget(f"{process}x{number}")


def test_processes_that_share_a_folder_heed_each_others_claims(tmp_path, files):
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=take_many, args=(tmp_path, each)) for each in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(files.uploads()) == 6
