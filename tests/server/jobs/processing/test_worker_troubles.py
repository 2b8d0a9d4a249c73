"""What stops a worker's video, what it then says, and what is left behind."""

import asyncio
import errno
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.jobs.processing.making import WRITERS
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.records.record import VideoState, cancel
from maskstream_server.jobs.records.store import change
from maskstream_server.jobs.storage.files import DISK_FULL
from maskstream_server.telemetry.work_metrics import WorkMetrics
from support.engines import start
from support.fake_model import FakeModel
from support.fake_video import FakeDecoder, FakeMediaError, Gate
from support.tiny import tiny_model
from support.workshop import EVERY, FRAMES, SOON_S, WISHES, open_workshop

__all__ = ["open_workshop", "start"]


async def test_a_cancelled_video_stops_its_worker_at_its_next_write(open_workshop):
    shop = await open_workshop()

    def on_frame(index: int) -> None:
        if index == 5:
            asyncio.run_coroutine_threadsafe(
                change(shop.store, "a", lambda old: cancel(old, 2.0), {}), loop
            ).result(SOON_S)
            shop.files.remove("a")

    loop = asyncio.get_running_loop()
    shop.decoder.on_frame = on_frame
    record = await shop.work()
    assert record.state is VideoState.CANCELLED
    assert not shop.files.folder("a").exists()
    assert (await shop.work()) == record


async def test_a_file_that_cannot_be_read_fails_with_what_is_wrong(open_workshop):
    def on_frame(index: int) -> None:
        if index == 5:
            raise FakeMediaError("The file is cut off.")

    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=on_frame))
    record = await shop.work()
    assert (record.state, record.reason) == (VideoState.FAILED, "The file is cut off.")
    assert len(await shop.lines()) == EVERY
    assert await shop.store.memory("a") == {}


async def test_what_could_not_be_read_of_a_finished_video_is_reported(open_workshop):
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, warning="2 frames were damaged."))
    record = await shop.work()
    assert (record.state, record.warning) == (VideoState.DONE, "2 frames were damaged.")


async def test_a_frame_that_the_model_fails_on_is_named(open_workshop):
    def on_step(frames) -> None:
        if model.batches[7:]:
            raise RuntimeError("secret detail")

    model = FakeModel(on_step)
    shop = await open_workshop(model)
    record = await shop.work()
    assert (record.state, record.reason) == (VideoState.FAILED, "The model failed on frame 8.")


async def test_mistakes_of_ours_are_reported_without_detail(open_workshop):
    def on_frame(index: int) -> None:
        raise RuntimeError("secret detail")

    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=on_frame))
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert "secret" not in record.reason


async def test_a_full_disk_is_reported(open_workshop, monkeypatch):
    shop = await open_workshop()
    shop.files._min_free_bytes = 1 << 60
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert "disk" in record.reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
        (
            OSError(errno.EIO, "Input/output error"),
            "cannot read or write the files of the video: Input/output error.",
        ),
        (OverflowError("track 70000 is too far"), "cannot be made: track 70000 is too far."),
    ],
)
async def test_a_file_that_cannot_be_written_is_reported(open_workshop, monkeypatch, error, reason):
    def write(material, target):
        next(iter(material.lines))
        raise error

    monkeypatch.setitem(WRITERS, "masks.zip", write)
    shop = await open_workshop()
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert record.reason.endswith(reason)
    assert not (shop.files.folder("a") / "ytvis.json").exists()


@pytest.mark.parametrize("lost", ["source", "results-1.ndjson"])
async def test_a_video_whose_files_are_lost_fails_and_says_so(open_workshop, lost):
    shop = await open_workshop()
    gate = Gate(at=8)
    shop.decoder.on_frame = gate
    await shop.interrupt(gate, saved=True)
    (shop.files.folder("a") / lost).unlink()
    record = await shop.work()
    assert (record.state, record.reason) == (
        VideoState.FAILED,
        "The files of the video are not there any more.",
    )


async def test_files_that_a_dead_worker_has_begun_are_made_anew(open_workshop):
    shop = await open_workshop()
    record = await shop.work()
    expected = [shop.artifact(name) for name in WISHES.artifacts]
    folder = shop.files.folder("a")
    for name in WISHES.artifacts:
        (folder / name).unlink()
    (folder / "drafts-1").mkdir()
    (folder / "drafts-1" / "masks.zip").write_bytes(b"half a zip")
    died = replace(record, state=VideoState.RUNNING, artifacts=(), revision=record.revision + 1)
    assert await shop.store.replace(record, died)
    again = await shop.work()
    assert (again.state, again.attempt) == (VideoState.DONE, 2)
    assert [shop.artifact(name) for name in WISHES.artifacts] == expected
    assert list(folder.glob("drafts-*")) == []
    assert len(shop.decoder.opened) == 1


async def test_another_models_memory_is_not_continued(open_workshop):
    shop = await open_workshop(tiny_model())
    shop.decoder.on_frame = gate = Gate(8)
    working = asyncio.create_task(JobWorker(shop.parts).work("a"))
    await shop.until(lambda record: record.next_frame > 0)
    working.cancel()
    gate.go_on.set()
    with suppress(asyncio.CancelledError):
        await working
    other = await open_workshop(tiny_model(seed=1))
    await other.work()
    shop.decoder.on_frame = lambda index: None
    parts = replace(shop.parts, engine=other.parts.engine)
    await JobWorker(parts).work("a")
    assert (await shop.record()).state is VideoState.DONE
    assert await shop.lines() == await other.lines()


async def test_a_store_that_is_away_for_a_while_costs_nothing(open_workshop, monkeypatch):
    undisturbed, shop = await open_workshop(), await open_workshop()
    await undisturbed.work()
    replace_record, calls = shop.store.replace, 0

    async def failing(*args):
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise StoreUnreachableError("unplugged")
        return await replace_record(*args)

    monkeypatch.setattr(shop.store, "replace", failing)
    assert (await shop.work()).state is VideoState.DONE
    assert await shop.lines() == await undisturbed.lines()


async def test_how_the_work_on_a_video_ends_is_counted(open_workshop):
    metrics = WorkMetrics(CollectorRegistry())

    def counted(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"maskstream_{name}", labels)

    def choke(index: int) -> None:
        raise FakeMediaError("The file breaks off here.")

    for end, on_frame in (
        ("done", lambda index: None),
        ("failed", choke),
        ("stopped", lambda index: time.sleep(0.1)),
    ):
        shop = await open_workshop()
        shop.decoder.on_frame = on_frame
        working = asyncio.create_task(JobWorker(shop.parts, metrics=metrics).work("a"))
        if end == "stopped":
            await shop.until(lambda record: record.state is VideoState.RUNNING)
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        assert counted("jobs_total", end=end) == 1
        assert counted("jobs_running") == 0
    assert counted("job_seconds_total") > 0
