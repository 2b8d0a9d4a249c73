"""A record never says more than the disk has, should the power go the moment it is written."""

from dataclasses import replace

import pytest

from maskstream_server.jobs.intake.fetching import Fetcher
from maskstream_server.jobs.intake.resumable import Announcement, ResumableUploads
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.storage.files import SOURCE, VideoFiles
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.rules import HostRules
from support.engines import start
from support.http_receiver import Answer, http_receiver
from support.power_cut import Disk
from support.workshop import WISHES, open_workshop

__all__ = ["open_workshop", "start"]


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


def write_down(monkeypatch: pytest.MonkeyPatch, store: MemoryVideoStore, see) -> None:
    """Call `see` with each record, just before the store has it."""
    replaced = store.replace

    async def watched(old: VideoRecord, new: VideoRecord, *memory) -> bool:
        see(new)
        return await replaced(old, new, *memory)

    monkeypatch.setattr(store, "replace", watched)


async def test_lines_and_files_are_on_the_disk_before_the_record_counts_them(
    open_workshop, disk, monkeypatch
):
    shop, counted = await open_workshop(), []
    folder = shop.files.folder("a")

    def see(record: VideoRecord) -> None:
        for part in record.parts:
            left = disk.left(folder, part.name)
            assert left is not None
            assert left[: part.num_bytes] == (folder / part.name).read_bytes()[: part.num_bytes]
            assert len(left) >= part.num_bytes
            counted.append(part.num_bytes)
        for name in record.artifacts:
            assert disk.left(folder, name) == (folder / name).read_bytes()
            counted.append(name)

    write_down(monkeypatch, shop.store, see)
    assert (await shop.work()).state is VideoState.DONE
    assert len(set(counted)) > len(WISHES.artifacts) + 1
    assert set(WISHES.artifacts) <= set(counted)


async def test_a_file_that_was_fetched_is_on_the_disk_before_the_record_says_so(
    open_workshop, disk, monkeypatch
):
    with http_receiver(lambda asked: Answer(body=b"a video")) as receiver:
        shop, seen = await open_workshop(), []
        hosts = (receiver.authority,)
        client = OutboundClient(HostRules(hosts, hosts, "X"))
        shop.parts = replace(shop.parts, fetcher=Fetcher(client, shop.files, 1000))
        shop.files.source("a").unlink()
        old = await shop.record()
        await shop.store.replace(old, replace(old, url=receiver.url, num_bytes=0, revision=2))

        def see(record: VideoRecord) -> None:
            if record.num_bytes:
                seen.append(disk.left(shop.files.folder("a"), SOURCE))

        write_down(monkeypatch, shop.store, see)
        assert (await shop.work()).state is VideoState.DONE
        assert set(seen) == {b"a video"}


async def test_an_upload_is_on_the_disk_before_a_video_is_made_of_it(disk, tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    uploads = ResumableUploads(files, 1000, 1000.0)
    made = await uploads.create(Announcement(7, "a"))
    # A server that was killed has written all of it, and brought nothing to the disk.
    (files.incoming(made.id) / "data").write_bytes(b"a video")
    assert (await uploads.find(made.id)).finished
    files.accept(made.id, "video")
    assert disk.left(tmp_path, "video", SOURCE) == b"a video"


async def test_what_is_reported_an_upload_is_on_the_disk(disk, tmp_path):
    files = VideoFiles(tmp_path, None, 0)
    uploads = ResumableUploads(files, 1000, 1000.0)

    async def chunks():
        yield b"a vid"

    made = await uploads.create(Announcement(7, "a"))
    await uploads.append(made.id, 0, chunks())
    folder = tmp_path / ".incoming"
    assert disk.left(folder, made.id, "data") == b"a vid"
    assert disk.left(folder, made.id, "info.json") is not None


def test_the_recording_shows_what_was_not_brought_to_the_disk(disk, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    assert disk.left(tmp_path, "file") is None
