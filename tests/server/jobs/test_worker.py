"""A worker and its video: the same result however often it is interrupted, and clean ends."""

import asyncio
import errno
import json
import os
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from pycocotools import mask as coco

from maskstream_server.jobs.artifacts.making import WRITERS
from maskstream_server.jobs.files import DISK_FULL
from maskstream_server.jobs.lines import read_lines
from maskstream_server.jobs.options import VideoOptions
from maskstream_server.jobs.record import VideoState, cancel
from maskstream_server.jobs.store import change
from maskstream_server.jobs.worker import VideoWorker
from maskstream_server.media.precedence import NICENESS
from maskstream_server.stores.errors import StoreAway
from maskstream_server.work_metrics import WorkMetrics
from support.engines import start
from support.fake_model import FakeModel
from support.fake_video import FakeDecoder, FakeMediaError, Gate
from support.tiny import tiny_model
from support.workshop import EVERY, FRAMES, SOON_S, WISHES, open_workshop

__all__ = ["open_workshop", "start"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools
async def test_a_video_gives_what_the_model_gives_on_its_frames(open_workshop):
    shop = await open_workshop()
    record = await shop.work()
    assert (record.state, record.next_frame, record.attempt) == (VideoState.DONE, 13, 1)
    assert record.artifacts == ("ytvis.json", "masks.zip")
    model = tiny_model()
    state = model.initial_state()
    mentioned: set[int] = set()
    for index, (line, frame) in enumerate(zip(await shop.lines(), FRAMES, strict=True)):
        told = json.loads(line)
        output, state = model.step(frame, state, shop.parts.max_tracks)
        masks = dict(zip(output.track_ids.tolist(), output.masks(64, 96).numpy(), strict=True))
        assert (told["frame"], told["time_s"], told["size"]) == (index, index / 25, [64, 96])
        for item in told["objects"]:
            mentioned.add(item["track_id"])
            if item["segmentation"] is None:
                assert item["area"] == 0
                continue
            mask = coco.decode(item["segmentation"]).astype(bool)
            assert mask.sum() == item["area"]
            assert (mask != masks[item["track_id"]]).sum() <= 1
            rows, columns = np.nonzero(mask)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert item["box"] == box
    assert len(mentioned) >= 2
    assert shop.decoder.num_open == 0
    assert await shop.store.memory("a") == {}


@pytest.mark.parametrize("stop_at", [0, 2, 7, 12])
async def test_a_video_that_is_given_back_ends_as_if_undisturbed(open_workshop, stop_at):
    undisturbed = await open_workshop()
    await undisturbed.work()
    gate = Gate(stop_at)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=gate))
    await shop.interrupt(gate, after_s=0.1)
    record = await shop.record()
    assert (record.state, record.attempt) == (VideoState.QUEUED, 0)
    assert record.next_frame <= stop_at
    record = await shop.work()
    assert (record.state, record.fence) == (VideoState.DONE, 2)
    assert await shop.lines() == await undisturbed.lines()
    for name in WISHES.artifacts:
        assert shop.artifact(name) == undisturbed.artifact(name)
    assert shop.decoder.opened[-1] % EVERY == 0
    if stop_at > 2 * EVERY:
        assert shop.decoder.opened[-1] > 0


async def test_a_worker_thought_dead_spoils_nothing(open_workshop):
    undisturbed = await open_workshop()
    await undisturbed.work()
    gate = Gate(5)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=gate))
    zombie = asyncio.create_task(VideoWorker(shop.parts).work("a"))
    await asyncio.to_thread(gate.reached.wait, SOON_S)
    await shop.until(lambda record: record.next_frame == EVERY)
    record = await shop.work()
    assert (record.state, record.attempt) == (VideoState.DONE, 2)
    gate.go_on.set()
    await asyncio.wait_for(zombie, SOON_S)
    assert await shop.record() == record
    assert await shop.lines() == await undisturbed.lines()


async def test_results_can_be_read_while_the_video_runs(open_workshop):
    gate = Gate(8)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, announced=13, on_frame=gate))
    working = asyncio.create_task(VideoWorker(shop.parts).work("a"))
    await asyncio.to_thread(gate.reached.wait, SOON_S)
    await shop.until(lambda record: record.next_frame == 6)
    assert [json.loads(line)["frame"] for line in await shop.lines()] == list(range(6))
    gate.go_on.set()
    await working
    assert len(await shop.lines()) == 13


async def test_frames_go_on_while_a_checkpoint_is_under_way_and_none_counts_before_it(
    open_workshop, monkeypatch
):
    far, met = threading.Event(), 3 * EVERY
    decoder = FakeDecoder(FRAMES, on_frame=lambda index: far.set() if index == met else None)
    shop = await open_workshop(decoder=decoder)
    replace_record, counted = shop.store.replace, []

    async def slow(old, new, memory=None):
        if new.next_frame == EVERY:
            assert await asyncio.to_thread(far.wait, SOON_S)
        lines = [*read_lines(shop.files.folder("a"), new.parts)]
        counted.append((new.next_frame, len(lines)))
        return await replace_record(old, new, memory)

    monkeypatch.setattr(shop.store, "replace", slow)
    assert (await shop.work()).state is VideoState.DONE
    frames = [num_frames for num_frames, _ in counted]
    assert frames == sorted(frames)
    assert frames[-1] == len(FRAMES)
    assert all(num_frames == num_lines for num_frames, num_lines in counted)


async def test_files_grow_with_the_video_and_nothing_is_left_of_their_drafts(open_workshop):
    gate = Gate(8)

    def on_frame(index: int) -> None:
        gate(index)
        if index == 11:
            raise FakeMediaError("The file is cut off.")

    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=on_frame))
    working = asyncio.create_task(VideoWorker(shop.parts).work("a"))
    draft = shop.files.folder("a") / "drafts-1" / "masks.zip"
    async with asyncio.timeout(SOON_S):
        while not (draft.is_file() and draft.stat().st_size):
            await asyncio.sleep(0.01)
    assert (await shop.record()).next_frame < 13
    gate.go_on.set()
    await working
    assert (await shop.record()).state is VideoState.FAILED
    async with asyncio.timeout(SOON_S):
        while draft.parent.exists():
            await asyncio.sleep(0.01)


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


async def test_what_could_not_be_read_of_a_finished_video_is_told(open_workshop):
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


async def test_mistakes_of_ours_are_told_without_detail(open_workshop):
    def on_frame(index: int) -> None:
        raise RuntimeError("secret detail")

    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=on_frame))
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert "secret" not in record.reason


async def test_a_full_disk_is_told(open_workshop, monkeypatch):
    shop = await open_workshop()
    shop.files._min_free_bytes = 1 << 60
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert "disk" in record.reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL),
        (OverflowError("track 70000 is too far"), "cannot be made: track 70000 is too far."),
    ],
)
async def test_a_file_that_cannot_be_written_is_told(open_workshop, monkeypatch, error, reason):
    def write(material, target):
        next(iter(material.lines))
        raise error

    monkeypatch.setitem(WRITERS, "masks.zip", write)
    shop = await open_workshop()
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert record.reason.endswith(reason)
    assert not (shop.files.folder("a") / "ytvis.json").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own there")
async def test_threads_that_make_files_leave_the_cores_to_others(open_workshop, monkeypatch):
    write, niceness = WRITERS["masks.zip"], []

    def watched(material, target):
        niceness.append(os.nice(0))
        return write(material, target)

    monkeypatch.setitem(WRITERS, "masks.zip", watched)
    shop = await open_workshop()
    assert (await shop.work()).state is VideoState.DONE
    assert niceness == [max(NICENESS, os.nice(0))]


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


async def test_another_models_memory_is_not_gone_on_with(open_workshop):
    shop = await open_workshop(tiny_model())
    shop.decoder.on_frame = lambda index: working.cancel() if index == 8 else None
    working = asyncio.create_task(VideoWorker(shop.parts).work("a"))
    with suppress(asyncio.CancelledError):
        await working
    assert (await shop.record()).next_frame > 0
    other = await open_workshop(tiny_model(seed=1))
    await other.work()
    shop.decoder.on_frame = lambda index: None
    parts = replace(shop.parts, model=other.parts.model, engine=other.parts.engine)
    await VideoWorker(parts).work("a")
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
            raise StoreAway("unplugged")
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
        working = asyncio.create_task(VideoWorker(shop.parts, observer=metrics).work("a"))
        if end == "stopped":
            await shop.until(lambda record: record.state is VideoState.RUNNING)
            working.cancel()
        with suppress(asyncio.CancelledError):
            await working
        assert counted("jobs_total", end=end) == 1
        assert counted("jobs_running") == 0
    assert counted("job_seconds_total") > 0


async def test_masks_of_a_smaller_scale_and_no_artifacts_can_be_wished_for(open_workshop):
    shop = await open_workshop(options=VideoOptions(artifacts=(), mask_scale=0.5, min_score=1.0))
    record = await shop.work()
    assert record.artifacts == ()
    told = [json.loads(line) for line in await shop.lines()]
    assert {tuple(line["size"]) for line in told} == {(32, 48)}
    assert sum(len(line["objects"]) for line in told) == 0


async def test_frames_can_be_left_out(open_workshop):
    shop = await open_workshop(options=VideoOptions(artifacts=(), frame_stride=4))
    record = await shop.work()
    assert (record.next_frame, record.frames_total) == (4, 4)
    assert [line["frame"] for line in await shop.told()] == [0, 4, 8, 12]
