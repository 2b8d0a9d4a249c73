"""What fails or stalls stays alone; the engine continues, and ends cleanly."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from maskstream_model.aliases import Frame
from maskstream_model.port import StepInput
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import EngineLimits
from maskstream_server.errors import EngineFullError, EngineStoppedError, StepFailedError
from support.engines import LIMITS, Stepped, picture, start, submit
from support.fake_model import FakeModel

__all__ = ["start"]


def fail_on(value: int) -> Callable[[Sequence[Frame]], None]:
    def on_step(frames: Sequence[Frame]) -> None:
        if any(frame[0, 0, 0] == value for frame in frames):
            raise RuntimeError(f"cannot see {value}")

    return on_step


async def test_one_bad_frame_does_not_fail_its_neighbours(start):
    model = FakeModel(fail_on(13))
    engine = await start(model, replace(LIMITS, max_batch=4))
    await asyncio.gather(*(submit(engine, name) for name in "abcd"))
    values = {"a": 1, "b": 13, "c": 2, "d": 3}
    outcomes = await asyncio.gather(
        *(submit(engine, name, value=value) for name, value in values.items()),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds == [Stepped, StepFailedError, Stepped, Stepped]
    assert "cannot see 13" in str(outcomes[1])
    assert isinstance(outcomes[1].__cause__, RuntimeError)


async def test_a_model_that_raises_leaves_the_engine_running(start):
    engine = await start(FakeModel(fail_on(13)))
    for _ in range(5):
        with pytest.raises(StepFailedError):
            await submit(engine, value=13)
        assert (await submit(engine)).state == 1
    assert engine.ready


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_outputs_of_a_wrong_number_fail_their_batch_and_nothing_else(start, count):
    model = FakeModel()
    engine = await start(model, replace(LIMITS, max_batch=2))
    step = model.step
    model.step = lambda batch, pause=None: (2 * step(batch, pause))[:count]
    outcomes = await asyncio.gather(
        *(submit(engine, name) for name in "ab"), return_exceptions=True
    )
    if count == 1:  # each alone gets the one that it should
        assert [outcome.state for outcome in outcomes] == [1, 1]
    else:
        assert [str(outcome) for outcome in outcomes] == [
            f"ValueError: the model gave {min(count, 2)} outputs for 1 sessions"
        ] * 2
    model.step = step
    assert (await submit(engine)).state == 1


async def test_a_model_that_ends_the_process_fails_its_frame_alone(start):
    def leave(frames: Sequence[Frame]) -> None:
        if frames[0][0, 0, 0] == 13:
            raise SystemExit(3)

    engine = await start(FakeModel(leave))
    with pytest.raises(StepFailedError, match="SystemExit: 3"):
        await submit(engine, value=13)
    assert (await submit(engine)).state == 1


class Diary:
    """An observer that remembers, and may fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.batches: list[int] = []
        self.failures: list[str] = []
        self.error = error

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        assert inference_s >= 0
        assert len(waiting_s) == size
        if self.error is not None:
            raise self.error
        self.batches.append(size)

    def step_failed(self, error: Exception) -> None:
        self.failures.append(str(error))


async def test_an_observer_counts_batches_and_failures(start):
    diary = Diary()
    engine = await start(FakeModel(fail_on(13)), observer=diary)
    await submit(engine)
    with pytest.raises(StepFailedError):
        await submit(engine, value=13)
    await engine.stop()
    assert diary.batches == [1]
    assert diary.failures == ["RuntimeError: cannot see 13"]


async def test_an_observer_that_fails_harms_no_other(start):
    engine = await start(FakeModel(), observer=Diary(ValueError("full disk")))
    for _ in range(3):
        assert (await submit(engine)).state == 1


class Gate:
    """A step that lasts until it is let go."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, frames: Sequence[Frame]) -> None:
        self.entered.set()
        assert self.open.wait(60)


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


async def test_a_stalled_step_is_reported_and_blocks_no_coroutine(start, gate):
    engine = await start(FakeModel(gate))
    assert engine.stalled_for_s() == 0
    frame = asyncio.create_task(submit(engine))
    await asyncio.to_thread(gate.entered.wait, 5)
    await asyncio.sleep(0.02)
    assert engine.stalled_for_s() >= 0.02
    gate.open.set()
    await frame
    # The thread clears its mark before it delivers.
    assert engine.stalled_for_s() == 0


async def test_long_work_that_gives_way_does_not_stall(start):
    now_s, ages_s = [0.0], []

    def read(output, pause) -> None:
        for _ in range(2):
            now_s[0] += 50.0
            ages_s.append(engine.stalled_for_s())
            pause()
        ages_s.append(engine.stalled_for_s())

    engine = await start(FakeModel(), clock=lambda: now_s[0])
    await engine.submit_clip("a", engine.model, StepInput([picture()], 0), read)
    assert (ages_s, engine.stalled_for_s()) == ([50.0, 50.0, 0.0], 0)


async def test_what_cannot_be_read_fails_alone(start):
    engine = await start(FakeModel())
    with pytest.raises(StepFailedError, match="division") as failed:
        await engine.submit("a", StepInput([picture()], 0), lambda output, pause: 1 // 0)
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert (await submit(engine)).state == 1


async def test_the_queue_is_bounded(start, gate):
    engine = await start(FakeModel(gate), replace(LIMITS, max_waiting=2))
    frames = [asyncio.create_task(submit(engine, "a"))]
    await asyncio.to_thread(gate.entered.wait, 5)
    frames += [asyncio.create_task(submit(engine, name)) for name in "bc"]
    await asyncio.sleep(0)
    assert engine.num_waiting == 2
    with pytest.raises(EngineFullError):
        await submit(engine, "d")
    gate.open.set()
    assert [result.state for result in await asyncio.gather(*frames)] == [1, 1, 1]


async def test_a_frame_whose_caller_has_gone_is_not_stepped(start, gate):
    model = FakeModel(gate)
    engine = await start(model)
    first = asyncio.create_task(submit(engine, "a"))
    await asyncio.to_thread(gate.entered.wait, 5)
    gone = asyncio.create_task(submit(engine, "b"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait([gone])
    gate.open.set()
    await first
    await submit(engine, "c")
    assert sum(model.batches) == 2


async def test_stopping_finishes_what_waits_and_takes_no_more(start, gate):
    engine = await start(FakeModel(gate))
    frames = [asyncio.create_task(submit(engine, name)) for name in "ab"]
    await asyncio.to_thread(gate.entered.wait, 5)
    stopping = asyncio.create_task(engine.stop())
    await asyncio.sleep(0)
    assert not engine.ready
    with pytest.raises(EngineStoppedError):
        await submit(engine, "c")
    gate.open.set()
    assert await stopping
    assert [result.state for result in await asyncio.gather(*frames)] == [1, 1]


async def test_a_stop_does_not_wait_for_ever(start, gate):
    engine = await start(FakeModel(gate), replace(LIMITS, max_batch=1))
    stuck = asyncio.create_task(submit(engine, "a"))
    await asyncio.to_thread(gate.entered.wait, 5)
    waiting = asyncio.create_task(submit(engine, "b"))
    await asyncio.sleep(0)
    assert not await engine.stop(timeout_s=0.05)
    with pytest.raises(EngineStoppedError):
        await waiting
    gate.open.set()
    assert (await stuck).state == 1


async def test_an_engine_that_was_not_started_takes_nothing():
    engine = Engine(FakeModel(), LIMITS)
    assert not engine.ready
    with pytest.raises(EngineStoppedError):
        await submit(engine)
    assert await engine.stop()


async def test_a_failed_warm_up_fails_the_start():
    def on_step(frames: Sequence[Frame]) -> None:
        raise RuntimeError("no memory")

    engine = Engine(FakeModel(on_step), EngineLimits(warm_up_sizes=((64, 96),)))
    with pytest.raises(StepFailedError, match="no memory"):
        await engine.start()
    assert not engine.ready
    assert await engine.stop()


async def test_a_warm_up_ends_after_the_step_in_which_the_engine_is_stopped():
    began, released, steps = threading.Event(), threading.Event(), []

    def on_step(frames: Sequence[Frame]) -> None:
        steps.append(len(frames))
        began.set()
        assert released.wait(60)

    limits = EngineLimits(num_threads=1, warm_up_sizes=((64, 96),))
    engine = Engine(FakeModel(on_step), limits)
    starting = asyncio.create_task(engine.start())
    assert await asyncio.to_thread(began.wait, 60)
    assert not await engine.stop(0.0)
    assert engine.has_thread
    released.set()
    with pytest.raises(EngineStoppedError, match="warmed up"):
        await starting
    assert await engine.stop()
    assert (steps, engine.ready, engine.has_thread) == ([1], False, False)
