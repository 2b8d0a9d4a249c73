"""Whole streams through the engine: a real model, batches that agree, memory that is flat."""

import asyncio
import gc
import weakref
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import psutil
import pytest
import torch

from maskstream_model.aliases import Frame
from maskstream_model.daq.state import TrackerState
from maskstream_model.port import StepInput
from maskstream_server.engine.engine import Engine
from support.double_precision import double_precision
from support.engines import LIMITS, Stepped, picture, start, submit
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


async def run_session(engine: Engine, name: str, frames: Sequence[Frame]) -> list[Stepped]:
    state, mentioned, results = None, frozenset(), []
    for frame in frames:
        result = await submit(engine, name, state, frame=frame, mentioned=mentioned)
        state, mentioned = result.state, result.report.mentioned
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
    state = model.begin()
    for frame, result in zip(frames, results, strict=True):
        (output,) = model.step([StepInput([frame], state)])
        state, (alone,) = output.state, output.results
        assert result.tracks.track_ids.tolist() == alone.tracks.track_ids.tolist()
        assert result.report.parts is not None
        assert_same_state(model.from_parts(result.report.parts), state)
        assert result.frame.num_tracks == int((alone.tracks.status != 3).sum())
        crops = alone.masks.crops(np.arange(len(alone.tracks.track_ids)), alone.size)
        assert result.frame.crops is not None
        assert result.frame.crops.areas.tolist() == crops.areas.tolist()
    assert max(len(result.tracks.track_ids) for result in results) >= 2


async def test_sessions_that_share_steps_agree_with_sessions_alone(start):
    model = tiny_model()
    clips = {name: tiny_frames(10, seed) for seed, name in enumerate("abc")}
    alone = await start(model, replace(LIMITS, deterministic=True))
    engine = await start(model, replace(LIMITS, max_batch=3))
    with double_precision(model.segmenter, model.tracker):
        expected = {name: await run_session(alone, name, clip) for name, clip in clips.items()}
        runs = (run_session(engine, name, clip) for name, clip in clips.items())
        together = dict(zip(clips, await asyncio.gather(*runs), strict=True))
    assert max(result.times.batch_size for result in together["a"]) == 3
    for name in clips:
        for mine, theirs in zip(together[name], expected[name], strict=True):
            assert mine.tracks.track_ids.tolist() == theirs.tracks.track_ids.tolist()
            assert mine.tracks.status.tolist() == theirs.tracks.status.tolist()
            np.testing.assert_allclose(mine.tracks.scores, theirs.tracks.scores, atol=1e-4)
            assert mine.frame.crops is not None
            assert theirs.frame.crops is not None
            np.testing.assert_allclose(mine.frame.crops.boxes, theirs.frame.crops.boxes, atol=2)


@pytest.mark.parametrize(
    ("num_warm", "num_frames"), [(500, 1_500), pytest.param(2_000, 8_000, marks=pytest.mark.slow)]
)
async def test_thousands_of_frames_cost_no_memory(start, num_warm, num_frames):
    engine = await start(FakeModel())
    frame = picture(size=(64, 96))

    async def stream(num_frames: int, state: int | None) -> int | None:
        for number in range(num_frames):
            mask_scale = 1 if number % 10 == 0 else None
            known = frozenset({1})
            result = await submit(
                engine, "a", state, frame=frame, mentioned=known, mask_scale=mask_scale
            )
            state = result.state
        gc.collect()
        return state

    process = psutil.Process()
    state = await stream(num_warm, None)
    objects, used_bytes = len(gc.get_objects()), process.memory_info().rss
    assert await stream(num_frames, state) == num_warm + num_frames
    # One object, or half a kilobyte (of 8,000), that each frame left behind would show.
    assert len(gc.get_objects()) < objects + num_frames // 4
    assert process.memory_info().rss < used_bytes + 4_000_000


async def test_a_quiet_engine_holds_no_frame(start):
    engine = await start(FakeModel())
    frame = picture()
    life = weakref.ref(frame)
    await submit(engine, frame=frame)
    del frame
    # The engine's thread drops it when it next waits.
    for _ in range(200):
        if life() is None:
            break
        await asyncio.sleep(0.01)
        gc.collect()
    assert life() is None
