"""Whole streams through the engine: a real model, batches that agree, memory that is flat."""

import asyncio
import gc
import weakref
from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
import psutil
import torch

from maskstream_model.aliases import Frame
from maskstream_model.daq.state import TrackerState
from maskstream_server.engine.engine import Engine
from maskstream_server.engine.types import (
    EngineRequest,
    EngineResult,
)
from support.engines import LIMITS, picture, start
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


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
        output, state = model.step_frame(frame, state)
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
