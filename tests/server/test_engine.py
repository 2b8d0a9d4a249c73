"""The engine's thread: batches of sessions, failures that stay alone, an end that is clean."""

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import fields, replace

import numpy as np
import psutil
import pytest
import torch

from maskstream_model.daq.state import TrackerState
from maskstream_model.interface import Frame
from maskstream_server.engine import Engine
from maskstream_server.engine_types import (
    EngineFull,
    EngineLimits,
    EngineRequest,
    EngineResult,
    EngineStopped,
    StepFailed,
)
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

LIMITS = EngineLimits(window_s=0.05, warm_up_sizes=())
StartEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def start() -> AsyncIterator[StartEngine]:
    """Starts engines, and stops them after the test."""
    engines: list[Engine] = []

    async def start_engine(model, limits: EngineLimits = LIMITS, observer=None) -> Engine:
        engine = Engine(model, limits, observer)
        engines.append(engine)
        await engine.start()
        return engine

    yield start_engine
    for engine in engines:
        await engine.stop(timeout_s=5)


def picture(value: int = 0, size: tuple[int, int] = (64, 96)) -> Frame:
    """A dark frame with a bright rectangle of 16 x 32; `value` marks its first pixel."""
    frame = np.zeros((*size, 3), np.uint8)
    frame[16:32, 32:64] = 255
    frame[0, 0] = value
    return frame


def request(session: str = "a", state=None, value: int = 0, **changes) -> EngineRequest:
    return EngineRequest(session, picture(value), state, **changes)


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


def fail_on(value: int) -> Callable[[Sequence[Frame]], None]:
    def on_step(frames: Sequence[Frame]) -> None:
        if any(frame[0, 0, 0] == value for frame in frames):
            raise RuntimeError(f"cannot see {value}")

    return on_step


async def test_one_bad_frame_does_not_fail_its_neighbours(start):
    model = FakeModel(fail_on(13))
    engine = await start(model, replace(LIMITS, max_batch=4))
    await asyncio.gather(*(engine.submit(request(name)) for name in "abcd"))
    values = {"a": 1, "b": 13, "c": 2, "d": 3}
    outcomes = await asyncio.gather(
        *(engine.submit(request(name, value=value)) for name, value in values.items()),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [EngineResult, StepFailed, EngineResult, EngineResult]
    assert "cannot see 13" in str(outcomes[1])
    assert isinstance(outcomes[1].__cause__, RuntimeError)


async def test_a_model_that_raises_leaves_the_engine_running(start):
    engine = await start(FakeModel(fail_on(13)))
    for _ in range(5):
        with pytest.raises(StepFailed):
            await engine.submit(request(value=13))
        assert (await engine.submit(request())).state == 1
    assert engine.ready


class Diary:
    """An observer that remembers, and may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.batches: list[int] = []
        self.failures: list[str] = []
        self.error = error

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        assert inference_s >= 0
        assert len(waiting_s) == size
        self.batches.append(size)

    def step_failed(self, error: Exception) -> None:
        self.failures.append(str(error))

    def queue_length(self, waiting: int) -> None:
        if self.error is not None:
            raise self.error


async def test_an_observer_hears_of_batches_and_failures(start):
    diary = Diary()
    engine = await start(FakeModel(fail_on(13)), observer=diary)
    await engine.submit(request())
    with pytest.raises(StepFailed):
        await engine.submit(request(value=13))
    await engine.stop()
    assert diary.batches == [1]
    assert diary.failures == ["RuntimeError: cannot see 13"]


async def test_an_observer_that_fails_harms_nobody(start):
    engine = await start(FakeModel(), observer=Diary(ValueError("full disk")))
    for _ in range(3):
        assert (await engine.submit(request())).state == 1


class Gate:
    """A step that lasts until it is let go."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, frames: Sequence[Frame]) -> None:
        self.entered.set()
        assert self.open.wait(10)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


async def test_a_stalled_step_is_told_of_and_blocks_no_coroutine(start, gate):
    engine = await start(FakeModel(gate))
    assert engine.stalled_for_s() == 0
    frame = asyncio.create_task(engine.submit(request()))
    await asyncio.to_thread(gate.entered.wait, 5)
    await asyncio.sleep(0.02)
    assert engine.stalled_for_s() >= 0.02
    gate.open.set()
    await frame
    # The thread clears its mark before it delivers.
    assert engine.stalled_for_s() == 0


async def test_the_queue_is_bounded(start, gate):
    engine = await start(FakeModel(gate), replace(LIMITS, max_waiting=2))
    frames = [asyncio.create_task(engine.submit(request("a")))]
    await asyncio.to_thread(gate.entered.wait, 5)
    frames += [asyncio.create_task(engine.submit(request(name))) for name in "bc"]
    await asyncio.sleep(0)
    assert engine.num_waiting == 2
    with pytest.raises(EngineFull):
        await engine.submit(request("d"))
    gate.open.set()
    assert [result.state for result in await asyncio.gather(*frames)] == [1, 1, 1]


async def test_a_frame_whose_caller_has_gone_is_not_stepped(start, gate):
    model = FakeModel(gate)
    engine = await start(model)
    first = asyncio.create_task(engine.submit(request("a")))
    await asyncio.to_thread(gate.entered.wait, 5)
    gone = asyncio.create_task(engine.submit(request("b")))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    gate.open.set()
    await first
    await engine.submit(request("c"))
    assert sum(model.batches) == 2


async def test_stopping_finishes_what_waits_and_takes_no_more(start, gate):
    engine = await start(FakeModel(gate))
    frames = [asyncio.create_task(engine.submit(request(name))) for name in "ab"]
    await asyncio.to_thread(gate.entered.wait, 5)
    stopping = asyncio.create_task(engine.stop())
    await asyncio.sleep(0)
    assert not engine.ready
    with pytest.raises(EngineStopped):
        await engine.submit(request("c"))
    gate.open.set()
    assert await stopping
    assert [result.state for result in await asyncio.gather(*frames)] == [1, 1]


async def test_a_stop_does_not_wait_for_ever(start, gate):
    engine = await start(FakeModel(gate), replace(LIMITS, max_batch=1))
    stuck = asyncio.create_task(engine.submit(request("a")))
    await asyncio.to_thread(gate.entered.wait, 5)
    waiting = asyncio.create_task(engine.submit(request("b")))
    await asyncio.sleep(0)
    assert not await engine.stop(timeout_s=0.05)
    with pytest.raises(EngineStopped):
        await waiting
    gate.open.set()
    assert (await stuck).state == 1


async def test_an_engine_that_was_not_started_takes_nothing():
    engine = Engine(FakeModel(), LIMITS)
    assert not engine.ready
    with pytest.raises(EngineStopped):
        await engine.submit(request())
    assert await engine.stop()


async def test_the_engine_is_ready_after_its_warm_up(start):
    model = FakeModel()
    limits = EngineLimits(max_batch=2, warm_up_sizes=((64, 96), (32, 64)), warm_up_batches=(1, 8))
    engine = Engine(model, limits)
    assert not engine.ready
    await engine.start()
    assert engine.ready
    assert sorted(model.batches) == [1] * 6 + [2] * 6
    await engine.stop()


async def test_a_failed_warm_up_fails_the_start():
    def on_step(frames: Sequence[Frame]) -> None:
        raise RuntimeError("no memory")

    engine = Engine(FakeModel(on_step), EngineLimits(warm_up_sizes=((64, 96),)))
    with pytest.raises(StepFailed, match="no memory"):
        await engine.start()
    assert not engine.ready
    assert await engine.stop()


async def run_session(engine: Engine, name: str, frames: Sequence[Frame]) -> list[EngineResult]:
    state, mentioned, results = None, frozenset(), []
    for frame in frames:
        result = await engine.submit(EngineRequest(name, frame, state, mentioned))
        state, mentioned = result.state, result.mentioned
        results.append(result)
    return results


def assert_same_state(one: TrackerState, other: TrackerState) -> None:
    for field in fields(one):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        same = torch.equal(mine, theirs) if isinstance(mine, torch.Tensor) else mine == theirs
        assert same, field.name


async def test_a_real_model_gives_through_the_engine_what_it_gives_alone(start):
    model, frames = tiny_model(), tiny_frames(12)
    engine = await start(model, replace(LIMITS, deterministic=True))
    results = await run_session(engine, "a", frames)
    state = model.initial_state()
    for frame, result in zip(frames, results, strict=True):
        output, state = model.step(frame, state)
        assert result.track_ids.tolist() == output.track_ids.tolist()
        assert result.snapshot is not None
        assert_same_state(model.state_from_bytes(result.snapshot), state)
        assert result.num_tracks == int((output.status != 3).sum())
        masks = output.masks(*frame.shape[:2]).numpy()
        assert result.masks is not None
        assert np.abs(result.masks.areas - masks.sum((1, 2))).max(initial=0) <= 1
    assert max(len(result.track_ids) for result in results) >= 2


async def test_sessions_that_share_steps_agree_with_sessions_alone(start):
    model = tiny_model()
    clips = {name: tiny_frames(10, seed) for seed, name in enumerate("abc")}
    alone = await start(model, replace(LIMITS, deterministic=True))
    expected = {name: await run_session(alone, name, clip) for name, clip in clips.items()}
    engine = await start(model, replace(LIMITS, max_batch=3))
    runs = (run_session(engine, name, clip) for name, clip in clips.items())
    together = dict(zip(clips, await asyncio.gather(*runs), strict=True))
    assert max(result.batch_size for result in together["a"]) == 3
    for name in clips:
        for mine, theirs in zip(together[name], expected[name], strict=True):
            assert mine.track_ids.tolist() == theirs.track_ids.tolist()
            assert mine.status.tolist() == theirs.status.tolist()
            np.testing.assert_allclose(mine.scores, theirs.scores, atol=1e-4)
            assert mine.masks is not None
            assert theirs.masks is not None
            np.testing.assert_allclose(mine.masks.boxes, theirs.masks.boxes, atol=2)


async def test_ten_thousand_frames_cost_no_memory(start):
    engine = await start(FakeModel())
    frame = picture(size=(64, 96))

    async def stream(num_frames: int, state: int | None) -> int | None:
        for number in range(num_frames):
            mask_scale = 1 if number % 10 == 0 else None
            step = EngineRequest("a", frame, state, frozenset({1}), mask_scale=mask_scale)
            state = (await engine.submit(step)).state
        gc.collect()
        return state

    process = psutil.Process()
    state = await stream(2_000, None)
    objects, used_bytes = len(gc.get_objects()), process.memory_info().rss
    assert await stream(8_000, state) == 10_000
    # One object, or half a kilobyte, that each frame left behind would show.
    assert len(gc.get_objects()) < objects + 2_000
    assert process.memory_info().rss < used_bytes + 4_000_000


async def test_a_quiet_engine_holds_no_frame(start):
    engine = await start(FakeModel())
    frame = picture()
    life = weakref.ref(frame)
    await engine.submit(EngineRequest("a", frame, None))
    del frame
    # The engine's thread drops it when it next waits.
    for _ in range(200):
        if life() is None:
            break
        await asyncio.sleep(0.01)
        gc.collect()
    assert life() is None
