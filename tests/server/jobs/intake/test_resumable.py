"""Uploads that break off and continue: what is reported is there, and nothing comes twice."""

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator

import pytest

from maskstream_server.errors import (
    BadUploadError,
    NoSpaceError,
    OffsetError,
    UploadTooLargeError,
    UploadUnknownError,
)
from maskstream_server.jobs.intake.resumable import INFO, Announcement, ResumableUploads
from maskstream_server.jobs.intake.upload import BLOCK_S
from maskstream_server.jobs.intake.writing import BoundedWriter
from maskstream_server.jobs.storage.files import DATA, VideoFiles

FILE = bytes(range(256)) * 40
HOUR_S = 3600.0


@pytest.fixture
def files(tmp_path):
    return VideoFiles(tmp_path, None, 0)


@pytest.fixture
def uploads(files):
    return ResumableUploads(files, 1 << 20, HOUR_S)


async def parts(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


class LateParts:
    """A connection with the file open, whose bytes come when the test says so."""

    def __init__(self, uploads: ResumableUploads, upload: str, offset: int, data: bytes) -> None:
        self.begun, self._go_on, self._data = asyncio.Event(), asyncio.Event(), data
        self._sending = asyncio.create_task(uploads.append(upload, offset, self._parts()))

    async def come(self) -> None:
        self._go_on.set()
        await self._sending

    async def _parts(self) -> AsyncIterator[bytes]:
        self.begun.set()
        await self._go_on.wait()
        yield self._data


def data_of(uploads: ResumableUploads, upload: str) -> bytes:
    return (uploads.files.incoming(upload) / DATA).read_bytes()


async def test_an_upload_continues_where_it_broke_off(uploads):
    made = await uploads.create(Announcement(len(FILE), "a.mp4", "filename YQ=="))
    assert (made.offset, made.finished) == (0, False)
    made = await uploads.append(made.id, 0, parts(FILE[:1000], FILE[1000:3000]))
    assert made.offset == 3000
    made = await uploads.append(made.id, 3000, parts())
    made = await uploads.append(made.id, 3000, parts(FILE[3000:]))
    assert made.finished
    assert made.announced == Announcement(len(FILE), "a.mp4", "filename YQ==")
    assert data_of(uploads, made.id) == FILE
    assert await uploads.append(made.id, len(FILE), parts(b"more")) == made


@pytest.mark.parametrize("offset", [0, 999, 1001])
async def test_a_part_that_does_not_continue_where_it_ends_is_refused(uploads, offset):
    made = await uploads.create(Announcement(len(FILE), "a"))
    await uploads.append(made.id, 0, parts(FILE[:1000]))
    with pytest.raises(OffsetError, match="continues at byte 1000, not at"):
        await uploads.append(made.id, offset, parts(b"xxx"))
    assert data_of(uploads, made.id) == FILE[:1000]


async def test_what_the_disk_has_after_a_crash_is_what_is_reported(uploads, files):
    made = await uploads.create(Announcement(len(FILE), "a"))
    # A server that is killed has written, and reported nothing.
    (files.incoming(made.id) / DATA).write_bytes(FILE[:1234])
    again = ResumableUploads(files, 1 << 20, HOUR_S)
    assert (await again.find(made.id)).offset == 1234
    await again.append(made.id, 1234, parts(FILE[1234:]))
    assert data_of(again, made.id) == FILE


async def test_a_connection_that_comes_alive_again_late_changes_nothing(uploads):
    made = await uploads.create(Announcement(len(FILE), "a"))
    await uploads.append(made.id, 0, parts(FILE[:1000]))
    late = LateParts(uploads, made.id, 1000, b"x" * 3000)
    await late.begun.wait()
    found = await uploads.find(made.id)
    new = await uploads.append(made.id, found.offset, parts(FILE[found.offset :]))
    with pytest.raises(OffsetError, match=f"continues at byte {len(FILE)}, not at 1000"):
        await late.come()
    assert new.finished
    assert data_of(uploads, made.id) == FILE


@pytest.mark.parametrize("num_bytes", [1, 1000, len(FILE)])
async def test_a_late_part_cannot_change_an_upload_that_is_a_video(uploads, files, num_bytes):
    made = await uploads.create(Announcement(len(FILE), "a"))
    late = LateParts(uploads, made.id, 0, b"x" * num_bytes)
    await late.begun.wait()
    await uploads.append(made.id, 0, parts(FILE))
    files.accept(made.id, "video")
    with pytest.raises(OffsetError):
        await late.come()
    assert files.source("video").read_bytes() == FILE
    with pytest.raises(UploadUnknownError):
        await uploads.append(made.id, 0, parts(b"x"))


async def test_many_connections_at_once_each_only_append(uploads):
    made = await uploads.create(Announcement(1 << 20, "a"))

    async def send(letter: bytes) -> int:
        found = await uploads.find(made.id)
        try:
            found = await uploads.append(made.id, found.offset, parts(letter * 4096))
        except OffsetError:
            return 0
        return 4096

    written = 0
    for _ in range(8):
        written += sum(await asyncio.gather(*(send(b"%d" % number) for number in range(8))))
    data = data_of(uploads, made.id)
    assert len(data) == written >= 8 * 4096
    assert all(len(set(data[at : at + 4096])) == 1 for at in range(0, written, 4096))


async def test_more_than_announced_is_refused_and_not_written(uploads):
    made = await uploads.create(Announcement(1000, "a"))
    with pytest.raises(UploadTooLargeError):
        await uploads.append(made.id, 0, parts(FILE[:1001]))
    assert (await uploads.find(made.id)).offset == 0
    assert (await uploads.append(made.id, 0, parts(FILE[:1000]))).finished


async def test_too_large_and_empty_ones_are_refused_at_once(uploads, files):
    with pytest.raises(UploadTooLargeError, match="1048576 bytes"):
        await uploads.create(Announcement((1 << 20) + 1, "a"))
    with pytest.raises(BadUploadError, match="empty"):
        await uploads.create(Announcement(0, "a"))
    assert files.uploads() == []


async def test_an_upload_that_is_not_continued_expires(uploads, files):
    made, other = [await uploads.create(Announcement(1000, "a")) for _ in range(2)]
    await uploads.append(made.id, 0, parts(b"x"))
    past_s = time.time() - HOUR_S - 1
    folder = files.incoming(made.id)
    for path in (folder, *folder.iterdir()):
        os.utime(path, (past_s, past_s))
    for call in (uploads.find(made.id), uploads.append(made.id, 1, parts()), uploads.remove("x")):
        with pytest.raises(UploadUnknownError):
            await call
    assert files.remove_abandoned(HOUR_S) == [made.id]
    assert files.uploads() == [other.id]


async def test_an_upload_of_which_nothing_comes_expires_sooner(files):
    uploads = ResumableUploads(files, 1 << 20, HOUR_S, begin_s=60.0)
    made, begun = [await uploads.create(Announcement(1000, "a")) for _ in range(2)]
    assert made.expires_s < time.time() + 61
    begun = await uploads.append(begun.id, 0, parts(b"x"))
    assert begun.expires_s > time.time() + HOUR_S - 60
    # Asking, or a part without bytes, is no beginning.
    await uploads.append(made.id, 0, parts())
    past_s = time.time() - 61
    for name in (made.id, begun.id):
        for path in (files.incoming(name), *files.incoming(name).iterdir()):
            os.utime(path, (past_s, past_s))
    with pytest.raises(UploadUnknownError):
        await uploads.find(made.id)
    assert (await uploads.find(begun.id)).offset == 1
    assert files.remove_abandoned(HOUR_S, 60.0) == [made.id]


async def test_what_comes_slowly_is_there_before_a_block_is_full(uploads):
    made = await uploads.create(Announcement(1000, "a"))
    held = asyncio.Event()

    async def trickle():
        for byte in b"abc":
            yield bytes([byte])
            await asyncio.sleep(BLOCK_S)
        await held.wait()

    coming = asyncio.create_task(uploads.append(made.id, 0, trickle()))
    async with asyncio.timeout(30):
        while (await uploads.find(made.id)).offset == 0:
            await asyncio.sleep(0.05)
    held.set()
    assert (await coming).offset == 3


@pytest.mark.parametrize("info", ["[]", "{", '{"length": 1000, "name": "a", "colour": 1}', "7"])
async def test_what_was_noted_of_an_upload_and_cannot_be_read_is_no_upload(uploads, files, info):
    made = await uploads.create(Announcement(1000, "a"))
    (files.incoming(made.id) / INFO).write_text(info)
    with pytest.raises(UploadUnknownError):
        await uploads.find(made.id)
    files.remove_abandoned(HOUR_S, HOUR_S)


async def test_a_removed_upload_is_gone(uploads, files):
    made = await uploads.create(Announcement(1000, "a"))
    await uploads.remove(made.id)
    assert files.uploads() == []
    with pytest.raises(UploadUnknownError):
        await uploads.find(made.id)


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a\x00"])
async def test_ids_of_clients_never_lead_out_of_the_folder(uploads, name):
    with pytest.raises(UploadUnknownError):
        await uploads.find(name)


async def test_what_all_videos_may_take_holds_in_the_middle_of_an_upload(tmp_path):
    files = VideoFiles(tmp_path, 5000, 0)
    uploads = ResumableUploads(files, 1 << 20, HOUR_S)
    with pytest.raises(NoSpaceError, match="quota"):
        await uploads.create(Announcement(6000, "a"))
    upload = await uploads.create(Announcement(4000, "a"))
    results = files.create("video")
    results.write_bytes(b"x" * 2000)  # of a worker, which asks nobody
    with pytest.raises(NoSpaceError, match="quota"):
        await uploads.append(upload.id, 0, parts(FILE[:4000]))
    files.remove("video")
    assert (await uploads.append(upload.id, 0, parts(FILE[:4000]))).finished


def test_room_is_looked_for_again_while_a_file_grows(tmp_path):
    files = VideoFiles(tmp_path, 10_000, 0)
    with (tmp_path / "one").open("wb", buffering=0) as file:
        writer = BoundedWriter(file, files.check_space, 1 << 20)
        for _ in range(10):
            writer.write(b"x" * 1000)
        with pytest.raises(NoSpaceError, match="quota"):
            writer.write(b"x")
    assert writer.num_bytes == (tmp_path / "one").stat().st_size == 10_000


def test_a_disk_that_is_full_all_the_same_is_reported_as_such(files):
    class FullDisk:
        def write(self, data: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpaceError, match="disk"):
        BoundedWriter(FullDisk(), files.check_space, 1000).write(b"x")
