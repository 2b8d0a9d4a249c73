"""Videos that are refined: what the model gives, from wherever a worker resumes."""

import asyncio
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from maskstream_model.video import segment_video
from maskstream_protocol.rle import decode_rle
from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.record import VideoState
from support.engines import start
from support.fake_video import FakeDecoder, Gate
from support.offline import counted_frames
from support.tiny import tiny_frames, tiny_model, tiny_offline_model
from support.workshop import open_workshop

__all__ = ["open_workshop", "start"]

FRAMES = tiny_frames(17, seed=1)
ALL = JobOptions(mode="offline", artifacts=("ytvis.json",), min_score=0.0)
SEVERAL_STEPS = {"window": 6, "overlap": 4}


async def test_a_refined_video_is_what_the_model_gives_in_one_go(open_workshop):
    model = tiny_offline_model()
    shop = await open_workshop(model, FakeDecoder(FRAMES, announced=17), ALL)
    record = await shop.work()
    assert (record.state, record.next_frame, record.frames_total) == (VideoState.DONE, 17, 17)
    lines = await shop.parsed()
    assert [(line["frame"], line["time_s"]) for line in lines] == [(n, n / 25) for n in range(17)]

    known: set[int] = set()
    for line, result in zip(lines, segment_video(model, FRAMES), strict=True):
        shown = {item["track_id"]: item for item in line["objects"]}
        tracks = result.tracks
        crops = result.masks.crops(np.arange(len(tracks.track_ids)), result.size)
        for row, track in enumerate(tracks.track_ids.tolist()):
            if track not in shown:
                assert track not in known
                assert not tracks.mentionable[row]
                continue
            item = shown.pop(track)
            known.add(track)
            assert item["class_id"] == tracks.labels[row]
            assert item["score"] == pytest.approx(tracks.scores[row], abs=1e-5)
            assert item["area"] == crops.areas[row]
            if crops.areas[row]:
                mask = decode_rle(item["segmentation"]["counts"].encode(), *result.size)
                assert np.array_equal(mask, crops.whole()[row])
        assert shown == {}
    assert len(known) > 3


@pytest.fixture(scope="module")
def undisturbed_runs():
    """Lines and artifacts of videos that nothing disturbs, by what they were made with."""
    return {}


@pytest.mark.parametrize("stop_at", [2, 7, 12, 16])
@pytest.mark.parametrize("rules", [{}, SEVERAL_STEPS])
@pytest.mark.parametrize("deterministic", [True, False])
async def test_a_refined_video_that_is_given_back_ends_as_if_undisturbed(
    open_workshop, undisturbed_runs, stop_at, rules, deterministic
):
    opened = partial(open_workshop, options=ALL, deterministic=deterministic)
    made_with = (*rules, deterministic)
    if made_with not in undisturbed_runs:
        undisturbed = await opened(tiny_offline_model(**rules), FakeDecoder(FRAMES))
        await undisturbed.work()
        undisturbed_runs[made_with] = await undisturbed.lines(), undisturbed.artifact("ytvis.json")
    gate = Gate(stop_at)
    decoder = FakeDecoder(FRAMES, on_frame=gate)
    shop = await opened(tiny_offline_model(**rules), decoder)
    await shop.interrupt(gate, saved=stop_at > 7)
    taken_up = (await shop.record()).next_frame
    assert (await shop.work()).state is VideoState.DONE
    assert (await shop.lines(), shop.artifact("ytvis.json")) == undisturbed_runs[made_with]
    if stop_at > 7:
        assert taken_up > 0
        assert 0 < shop.decoder.opened[-1] <= taken_up


async def test_progress_is_reported_before_a_window_is_full(open_workshop):
    gate = Gate(5)
    decoder = FakeDecoder(FRAMES, announced=17, on_frame=gate)
    shop = await open_workshop(tiny_offline_model(), decoder, ALL)
    working = asyncio.create_task(JobWorker(shop.parts).work("a"))
    await shop.until(lambda record: record.seen_frame == 3)
    record = await shop.record()
    assert (record.next_frame, record.frames_total) == (0, 17)
    gate.go_on.set()
    await working
    assert (await shop.record()).seen_frame == 17


async def test_masks_of_a_smaller_scale_and_certain_tracks_only_can_be_requested(open_workshop):
    wish = replace(ALL, mask_scale=0.5, min_score=0.5, artifacts=())
    shop = await open_workshop(tiny_offline_model(), FakeDecoder(FRAMES), wish)
    assert (await shop.work()).state is VideoState.DONE
    lines = await shop.parsed()
    assert {tuple(line["size"]) for line in lines} == {(32, 48)}
    objects = [item for line in lines for item in line["objects"]]
    assert all(item["segmentation"]["size"] == [32, 48] for item in objects if item["area"])
    born = [item for item in objects if item["status"] == "emerged"]
    assert len(born) > 0
    assert all(item["score"] >= 0.5 and item["age"] == 1 and item["area"] for item in born)


async def test_a_turn_of_the_engine_refines_one_layer_at_most(open_workshop, monkeypatch):
    model, layers, turns = tiny_offline_model(), [], []
    layer = model.refiner.layer

    def counted(index, *args):
        layers.append(index)
        return layer(index, *args)

    monkeypatch.setattr(model.refiner, "layer", counted)
    shop = await open_workshop(model, FakeDecoder(FRAMES), ALL)
    queue = shop.parts.engine._queue
    take_live = queue.take_live

    def watched():
        turns.append(len(layers) - sum(turns))
        return take_live()

    monkeypatch.setattr(queue, "take_live", watched)
    assert (await shop.work()).state is VideoState.DONE
    assert set(turns) == {0, 1}
    assert layers == [*range(model.refiner.num_layers)] * (sum(turns) // model.refiner.num_layers)


async def test_a_window_is_held_however_long_the_video_is(open_workshop, monkeypatch):
    model = tiny_offline_model()
    held = counted_frames(model, monkeypatch)
    frames = [FRAMES[n % len(FRAMES)] for n in range(48)]
    shop = await open_workshop(model, FakeDecoder(frames), ALL)
    assert (await shop.work()).state is VideoState.DONE
    assert 6 <= max(held) <= 8


async def test_a_worker_without_a_refiner_says_so(open_workshop):
    shop = await open_workshop(tiny_model(), FakeDecoder(FRAMES), ALL)
    record = await shop.work()
    assert (record.state, record.reason) == (
        VideoState.FAILED,
        "The model 'tiny' has no refiner.",
    )


async def test_a_memory_that_was_damaged_is_not_continued(open_workshop):
    undisturbed = await open_workshop(tiny_offline_model(), FakeDecoder(FRAMES), ALL)
    await undisturbed.work()
    shop = await open_workshop(tiny_offline_model(), FakeDecoder(FRAMES), ALL)
    shop.decoder.on_frame = gate = Gate(16)
    working = asyncio.create_task(JobWorker(shop.parts).work("a"))
    await shop.until(lambda record: record.next_frame > 0)
    working.cancel()
    gate.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working
    memory = dict(await shop.store.memory("a"))
    damaged = bytearray(memory["model/previous"])
    damaged[-4:] = np.float32(np.nan).tobytes()
    shop.store._entries["a"].memory = {**memory, "model/previous": bytes(damaged)}
    shop.decoder.on_frame = lambda index: None
    assert (await shop.work()).state is VideoState.DONE
    assert shop.decoder.opened[-1] == 0
    assert await shop.lines() == await undisturbed.lines()
