"""The engine: frames in, results out, batches of sessions, a warm-up before it is ready."""

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from maskstream_model.errors import StateError
from maskstream_model.port import StepInput
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import EngineLimits
from maskstream_server.errors import StepFailedError
from maskstream_server.session.reporting import ResultOptions, StepReporter
from support.engines import LIMITS, picture, start, submit, submit_clip
from support.fake_model import FakeModel
from support.stand_ins import stand_in
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


async def test_a_frame_comes_back_with_its_objects_masks_and_memory(start):
    engine = await start(FakeModel())
    result = await submit(engine)
    tracks, crops = result.tracks, result.frame.crops
    assert tracks.track_ids.tolist() == [1]
    assert tracks.labels.tolist() == [2]
    assert tracks.status.tolist() == [0]
    assert tracks.ages.tolist() == [1]
    assert tracks.scores.tolist() == pytest.approx([0.9])
    assert (result.state, result.report.parts, result.frame.num_tracks) == (1, {"count": b"1"}, 1)
    assert result.report.mentioned == {1}
    assert crops is not None
    assert crops.size == (64, 96)
    assert crops.boxes.tolist() == [[32, 16, 64, 32]]
    assert crops.bitmaps[0].shape == (16, 32)
    assert crops.areas.tolist() == [16 * 32] == [crops.bitmaps[0].sum()]
    assert crops.logits is None


async def test_the_request_says_what_is_computed(start):
    engine = await start(FakeModel())
    bare = await submit(engine, mask_scale=None, min_score=0.95)
    assert (bare.frame.crops, bare.tracks.track_ids.tolist()) == (None, [])
    assert bare.frame.num_tracks == 1
    small = (await submit(engine, mask_scale=0.25, with_logits=True)).frame.crops
    assert small is not None
    assert small.size == (16, 24)
    assert small.logits is not None
    assert small.logits[0].shape == small.bitmaps[0].shape


async def test_mask_sizes_are_rounded_up(start):
    engine = await start(tiny_model())
    result = await submit(engine, frame=tiny_frames(1, size=(61, 93))[0], mask_scale=0.25)
    assert result.frame.crops is not None
    assert result.frame.crops.size == (16, 24)


async def test_the_memory_goes_from_frame_to_frame(start):
    engine = await start(FakeModel())
    state, mentioned = None, frozenset()
    for age in range(1, 4):
        result = await submit(engine, state=state, mentioned=mentioned)
        state, mentioned = result.state, result.report.mentioned
        assert result.tracks.ages.tolist() == [age]
        assert result.tracks.status.tolist() == [0 if age == 1 else 1]


async def test_frames_of_many_sessions_share_a_step(start):
    model = FakeModel()
    engine = await start(model, replace(LIMITS, max_batch=4))
    for _ in range(3):
        results = await asyncio.gather(*(submit(engine, name) for name in "abcd"))
    assert model.batches[-1] == 4
    assert {result.times.batch_size for result in results} == {4}


async def test_one_session_alone_waits_for_nobody(start):
    engine = await start(FakeModel(), replace(LIMITS, window_s=30))
    for _ in range(3):
        await asyncio.wait_for(submit(engine), timeout=60)


async def test_a_deterministic_engine_steps_one_frame_at_a_time(start):
    model = FakeModel()
    engine = await start(model, replace(LIMITS, deterministic=True))
    await asyncio.gather(*(submit(engine, name) for name in "abcd"))
    assert model.batches == [1, 1, 1, 1]


async def test_frames_of_two_sizes_never_share_a_step(start):
    model = FakeModel()
    engine = await start(model)
    small = submit(engine, "b", frame=picture(size=(32, 64)))
    results = await asyncio.gather(submit(engine, "a"), small)
    assert model.batches == [1, 1]
    assert [result.frame.crops.size for result in results if result.frame.crops] == [
        (64, 96),
        (32, 64),
    ]


async def test_the_engine_is_ready_after_its_warm_up(start):
    model = FakeModel()
    limits = EngineLimits(max_batch=2, warm_up_sizes=((64, 96), (32, 64)), warm_up_batches=(1, 8))
    engine = Engine(model, limits)
    assert not engine.ready
    await engine.start()
    assert engine.ready
    assert sorted(model.batches) == [1] * 6 + [2] * 6
    await engine.stop()


async def test_live_frames_overtake_those_of_whole_videos(start):
    stepped: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def on_step(frames):
        stepped.append([int(frame[0, 0, 0]) for frame in frames])
        begun.set()
        assert go_on.wait(60)

    engine = await start(FakeModel(on_step))
    tasks = [asyncio.create_task(submit(engine, "first", value=1))]
    await asyncio.to_thread(begun.wait, 5)
    for value, live in ((2, False), (3, True), (4, False), (5, True)):
        clip, name = [picture(value), picture(10 * value)], str(value)
        step = submit(engine, name, value=value) if live else submit_clip(engine, clip, name)
        tasks.append(asyncio.create_task(step))
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*tasks)
    assert stepped == [[1], [3, 5], [2], [20], [4], [40]]


@pytest.mark.parametrize("max_batch", [1, 8])
async def test_live_frames_go_in_the_middle_of_a_step_of_a_whole_video(start, max_batch):
    took_s, order = 0.2, []

    def on_step(frames):
        value = int(frames[0][0, 0, 0])
        if value == 1:
            begun.set()
            assert go_on.wait(60)
        else:
            time.sleep(took_s)
            order.append(value)

    def read(output, pause):
        order.append(1)
        return output.state

    begun, go_on = threading.Event(), threading.Event()
    model = FakeModel(on_step)
    engine = await start(model, replace(LIMITS, max_batch=max_batch))
    step = StepInput([picture(1)], model.begin())
    video = asyncio.create_task(engine.submit_clip("video", model, step, read))
    await asyncio.to_thread(begun.wait, 60)
    others = [
        asyncio.create_task(submit(engine, "a", value=2)),
        asyncio.create_task(submit_clip(engine, [picture(3)], "b")),
        asyncio.create_task(submit(engine, "c", value=4)),
    ]
    await asyncio.sleep(0)
    go_on.set()
    (state, times), *_ = await asyncio.gather(video, *others)
    assert order.index(2) < order.index(1) < order.index(3)
    assert times.inference_s < took_s
    assert state == 1


async def test_a_result_leaves_before_those_of_its_batch_are_read(start):
    engine, left = await start(FakeModel()), threading.Event()
    steps = [StepInput([picture()], engine.model.begin()) for _ in range(2)]
    first = asyncio.create_task(engine.submit("a", steps[0], lambda *_: "first"))
    first.add_done_callback(lambda _: left.set())
    second = asyncio.create_task(engine.submit("b", steps[1], lambda *_: left.wait(60)))
    (value, times), (was_out, _) = await asyncio.gather(first, second)
    assert (value, was_out) == ("first", True)
    assert times.batch_size == 2


async def test_a_batch_is_stepped_while_the_one_before_is_read(start):
    def on_step(frames):
        if frames[0][0, 0, 0] == 2:
            next_began.set()

    def read(output, pause):
        reading.set()
        return next_began.wait(60)

    next_began, reading = threading.Event(), threading.Event()
    engine = await start(FakeModel(on_step))
    step = StepInput([picture(1)], engine.model.begin())
    first = asyncio.create_task(engine.submit("a", step, read))
    assert await asyncio.to_thread(reading.wait, 60)
    assert engine.stalled_for_s() > 0
    await submit(engine, "b", value=2)
    assert (await first)[0] is True


async def test_what_the_model_computes_beside_steps_runs_on_the_engines_thread(start):
    engine = await start(FakeModel())

    def refused():
        raise StateError("no count")

    def broken():
        raise SystemExit(3)

    assert await engine.call("a", lambda: threading.current_thread().name) == "engine"
    assert await engine.call("video", lambda: 7, live=False) == 7
    with pytest.raises(StateError, match="no count"):
        await engine.call("a", refused)
    with pytest.raises(StepFailedError, match="SystemExit: 3"):
        await engine.call("a", broken)
    assert (await submit(engine)).state == 1


async def test_a_session_begins_on_the_engines_thread(start):
    model, threads = FakeModel(), list[str]()
    model.begin = lambda options: threads.append(threading.current_thread().name) or 0
    engine = await start(model)
    step, read = StepInput([picture()], None), StepReporter(model, ResultOptions())
    results = [engine.submit("a", step, read), engine.submit_clip("b", model, step, read)]
    assert [report.state for report, _ in await asyncio.gather(*results)] == [1, 1]
    assert threads == ["engine", "engine"]


async def test_a_flush_is_asked_of_the_model_and_shares_no_step(start):
    model = stand_in(lookahead=3)
    engine = await start(model)
    state = (await submit_clip(engine, [picture(n) for n in range(2)])).state
    step, read = StepInput((), state), StepReporter(model, ResultOptions())
    flushed = [engine.submit("a", step, read), engine.submit_clip("b", model, step, read)]
    for report, times in await asyncio.gather(*flushed):
        assert [frame.index for frame in report.frames] == [1, 2]
        assert (report.committed, times.batch_size) == (2, 0)
