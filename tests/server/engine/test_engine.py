"""The engine: frames in, results out, batches of sessions, a warm-up before it is ready."""

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import (
    EngineLimits,
    EngineRequest,
    EngineResult,
    StepFailedError,
)
from support.engines import LIMITS, picture, request, start
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


async def test_a_frame_comes_back_with_its_objects_masks_and_memory(start):
    engine = await start(FakeModel())
    result = await engine.submit(request())
    assert result.track_ids.tolist() == [1]
    assert result.labels.tolist() == [2]
    assert result.status.tolist() == [0]
    assert result.ages.tolist() == [1]
    assert result.scores.tolist() == pytest.approx([0.9])
    assert (result.state, result.snapshot, result.num_tracks) == (1, b"1", 1)
    assert result.mentioned == {1}
    assert result.masks is not None
    assert result.masks.size == (64, 96)
    assert result.masks.boxes.tolist() == [[32, 16, 64, 32]]
    assert result.masks.crops[0].shape == (16, 32)
    # The resize rounds the four corners off.
    assert result.masks.areas.tolist() == [16 * 32 - 4] == [result.masks.crops[0].sum()]
    assert result.masks.logits is None


async def test_the_request_says_what_is_computed(start):
    engine = await start(FakeModel())
    bare = await engine.submit(request(mask_scale=None, snapshot=False, min_score=0.95))
    assert (bare.masks, bare.snapshot, bare.track_ids.tolist()) == (None, None, [])
    assert bare.num_tracks == 1
    small = await engine.submit(request(mask_scale=0.25, with_logits=True))
    assert small.masks is not None
    assert small.masks.size == (16, 24)
    assert small.masks.logits is not None
    assert small.masks.logits[0].shape == small.masks.crops[0].shape


async def test_mask_sizes_are_rounded_up(start):
    engine = await start(tiny_model())
    frame = tiny_frames(1, size=(61, 93))[0]
    result = await engine.submit(EngineRequest("a", frame, None, mask_scale=0.25))
    assert result.masks is not None
    assert result.masks.size == (16, 24)


async def test_the_memory_goes_from_frame_to_frame(start):
    engine = await start(FakeModel())
    state, mentioned = None, frozenset()
    for age in range(1, 4):
        result = await engine.submit(request(state=state, mentioned=mentioned))
        state, mentioned = result.state, result.mentioned
        assert result.ages.tolist() == [age]
        assert result.status.tolist() == [0 if age == 1 else 1]


async def test_frames_of_many_sessions_share_a_step(start):
    model = FakeModel()
    engine = await start(model, replace(LIMITS, max_batch=4))
    for _ in range(3):
        results = await asyncio.gather(*(engine.submit(request(name)) for name in "abcd"))
    assert model.batches[-1] == 4
    assert {result.batch_size for result in results} == {4}


async def test_one_session_alone_waits_for_nobody(start):
    engine = await start(FakeModel(), replace(LIMITS, window_s=30))
    for _ in range(3):
        await asyncio.wait_for(engine.submit(request()), timeout=5)


async def test_a_deterministic_engine_steps_one_frame_at_a_time(start):
    model = FakeModel()
    engine = await start(model, replace(LIMITS, deterministic=True))
    await asyncio.gather(*(engine.submit(request(name)) for name in "abcd"))
    assert model.batches == [1, 1, 1, 1]


async def test_frames_of_two_sizes_never_share_a_step(start):
    model = FakeModel()
    engine = await start(model)
    small = EngineRequest("b", picture(size=(32, 64)), None)
    results = await asyncio.gather(engine.submit(request("a")), engine.submit(small))
    assert model.batches == [1, 1]
    assert [result.masks.size for result in results if result.masks] == [(64, 96), (32, 64)]


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
        assert go_on.wait(5)

    engine = await start(FakeModel(on_step))
    tasks = [asyncio.create_task(engine.submit(request("first", value=1)))]
    await asyncio.to_thread(begun.wait, 5)
    for value, live in ((2, False), (3, True), (4, False), (5, True)):
        wish, clip = request(str(value), value=value), [picture(value), picture(10 * value)]
        step = engine.submit(wish) if live else engine.submit_clip(wish, clip)
        tasks.append(asyncio.create_task(step))
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*tasks)
    assert stepped == [[1], [3, 5], [2], [20], [4], [40]]


@pytest.mark.parametrize("max_batch", [1, 8])
async def test_live_frames_go_in_the_middle_of_a_step_of_a_whole_video(start, max_batch):
    took_s, ended = 0.2, []

    def on_step(frames):
        if frames[0][0, 0, 0] == 1:
            begun.set()
            assert go_on.wait(5)
        else:
            time.sleep(took_s)

    async def step(name, value, live) -> EngineResult:
        wish = request(name, value=value)
        if live:
            result = await engine.submit(wish)
        else:
            (result,) = await engine.submit_clip(wish, [wish.frame])
        ended.append(name)
        return result

    begun, go_on = threading.Event(), threading.Event()
    model = FakeModel(on_step)
    engine = await start(model, replace(LIMITS, max_batch=max_batch))
    video = asyncio.create_task(step("video", 1, live=False))
    await asyncio.to_thread(begun.wait, 5)
    others = [asyncio.create_task(step(name, 2, live=name != "b")) for name in "abc"]
    await asyncio.sleep(0)
    go_on.set()
    result, *_ = await asyncio.gather(video, *others)
    assert ended.index("a") < ended.index("video") < ended.index("b")
    assert result.inference_s < took_s
    assert result.state == 1


async def test_other_work_of_whole_videos_waits_for_live_frames_and_comes_alone(start):
    done: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def on_step(frames):
        done.append(" ".join(str(frame[0, 0, 0]) for frame in frames))
        begun.set()
        assert go_on.wait(5)

    engine = await start(FakeModel(on_step))
    tasks = [asyncio.create_task(engine.submit(request("first", value=1)))]
    await asyncio.to_thread(begun.wait, 5)
    for wish in (
        engine.perform("video a", lambda: done.append("a")),
        engine.perform("video b", lambda: done.append("b")),
        engine.submit(request("live", value=2)),
    ):
        tasks.append(asyncio.create_task(wish))
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*tasks)
    assert done == ["1", "2", "a", "b"]


async def test_work_that_fails_is_told_and_spoils_nothing(start):
    engine = await start(FakeModel())
    with pytest.raises(StepFailedError, match="division") as failed:
        await engine.perform("video", lambda: 1 // 0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert await engine.perform("video", lambda: "fine") == "fine"
