"""A worker and its video: the same result however often it is interrupted, and clean ends."""

import asyncio
import json
import os
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from pycocotools import mask as coco

from maskstream_server.jobs.processing.making import WRITERS
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import VideoState
from maskstream_server.jobs.records.store import change
from maskstream_server.jobs.storage.lines import read_lines
from maskstream_server.media.precedence import NICENESS
from support.engines import start
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
    state = model.begin()
    mentioned: set[int] = set()
    for index, (line, frame) in enumerate(zip(await shop.lines(), FRAMES, strict=True)):
        parsed = json.loads(line)
        output, state = model.track_frame(frame, state, shop.parts.max_tracks)
        masks = dict(zip(output.track_ids.tolist(), output.masks(64, 96).numpy(), strict=True))
        assert (parsed["frame"], parsed["time_s"], parsed["size"]) == (index, index / 25, [64, 96])
        for item in parsed["objects"]:
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
    assert {entry["frame_rate"] for entry in json.loads(shop.artifact("ytvis.json"))} == {25.0}
    assert shop.decoder.num_open == 0
    assert await shop.store.memory("a") == {}


@pytest.mark.parametrize("stop_at", [0, 2, 7, 12])
async def test_a_video_that_is_given_back_ends_as_if_undisturbed(open_workshop, stop_at):
    undisturbed = await open_workshop()
    await undisturbed.work()
    gate = Gate(stop_at)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=gate))
    await shop.interrupt(gate, saved=stop_at > 2 * EVERY)
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


async def test_a_video_that_an_earlier_version_began_gives_the_same_files(open_workshop):
    undisturbed = await open_workshop()
    await undisturbed.work()
    gate = Gate(7)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=gate))
    await shop.interrupt(gate, saved=True)
    unknown = {"frame_rate": None, "width": None, "height": None}
    await change(shop.store, "a", lambda record: replace(record, **unknown), None)
    await shop.work()
    for name in WISHES.artifacts:
        assert shop.artifact(name) == undisturbed.artifact(name)


async def test_a_worker_thought_dead_spoils_nothing(open_workshop):
    undisturbed = await open_workshop()
    await undisturbed.work()
    gate = Gate(5)
    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=gate))
    zombie = asyncio.create_task(JobWorker(shop.parts).work("a"))
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
    working = asyncio.create_task(JobWorker(shop.parts).work("a"))
    await asyncio.to_thread(gate.reached.wait, SOON_S)
    await shop.until(lambda record: record.next_frame == 6)
    assert [json.loads(line)["frame"] for line in await shop.lines()] == list(range(6))
    gate.go_on.set()
    await working
    assert len(await shop.lines()) == 13


async def test_frames_continue_while_a_checkpoint_is_under_way_and_none_counts_before_it(
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
    working = asyncio.create_task(JobWorker(shop.parts).work("a"))
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


async def test_masks_of_a_smaller_scale_and_no_artifacts_can_be_requested(open_workshop):
    shop = await open_workshop(options=JobOptions(artifacts=(), mask_scale=0.5, min_score=1.0))
    record = await shop.work()
    assert record.artifacts == ()
    parsed = [json.loads(line) for line in await shop.lines()]
    assert {tuple(line["size"]) for line in parsed} == {(32, 48)}
    assert sum(len(line["objects"]) for line in parsed) == 0


async def test_frames_can_be_left_out(open_workshop):
    shop = await open_workshop(options=JobOptions(artifacts=(), frame_stride=4))
    record = await shop.work()
    assert (record.next_frame, record.frames_total) == (4, 4)
    assert [line["frame"] for line in await shop.parsed()] == [0, 4, 8, 12]
