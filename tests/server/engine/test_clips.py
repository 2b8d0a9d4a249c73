"""Frames of a whole video that step together: results of each, and live sessions first."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_server.engine.queue import ACTIVE_S
from maskstream_server.engine.types import EngineLimits, EngineResult, StepFailedError
from support.engines import LIMITS, picture, request, start
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


async def test_each_frame_of_a_clip_has_its_result_and_the_last_one_the_memory(start):
    model = FakeModel()
    engine = await start(model)
    results = await engine.submit_clip(request(state=3), [picture(n) for n in range(3)])
    assert model.batches == [3]
    assert [result.ages.tolist() for result in results] == [[4], [5], [6]]
    assert [result.snapshot for result in results] == [None, None, b"6"]
    assert [result.batch_size for result in results] == [3, 3, 3]
    # Whom nobody knew emerges on the first frame, and is known on those after it.
    assert [result.status.tolist() for result in results] == [[0], [1], [1]]
    without = await engine.submit_clip(request(snapshot=False), [picture()])
    assert without[0].snapshot is None


async def test_a_clip_agrees_with_its_frames_one_by_one(start):
    model, frames = tiny_model(), tiny_frames(9)
    engine = await start(model)
    wish = request(state=None)
    clip = await engine.submit_clip(wish, frames)
    for frame, together in zip(frames, clip, strict=True):
        (alone,) = await engine.submit_clip(wish, [frame])
        assert together.track_ids.tolist() == alone.track_ids.tolist()
        assert together.status.tolist() == alone.status.tolist()
        np.testing.assert_allclose(together.scores, alone.scores, atol=1e-4)
        np.testing.assert_allclose(together.masks.boxes, alone.masks.boxes, atol=2)
        wish = replace(wish, state=alone.state, mentioned=alone.mentioned)
    assert max(len(result.track_ids) for result in clip) >= 2


async def test_beside_live_sessions_the_frames_of_a_clip_step_one_by_one(start):
    model, clip = FakeModel(), [picture(n) for n in range(3)]
    now_s = [0.0]
    engine = await start(model, clock=lambda: now_s[0])
    await engine.submit_clip(request(), clip)
    await engine.submit(request("live"))
    results = await engine.submit_clip(request(), clip)
    assert model.batches == [3, 1, 1, 1, 1]
    assert [result.ages.tolist() for result in results] == [[1], [2], [3]]
    assert [result.snapshot for result in results] == [None, None, b"3"]
    now_s[0] += ACTIVE_S
    await engine.submit_clip(request(), clip)
    assert model.batches[5:] == [3]


async def test_a_clip_that_fails_is_told_and_the_engine_goes_on(start):
    def on_step(frames):
        if frames[-1][0, 0, 0] == 13:
            raise RuntimeError("cannot see 13")

    engine = await start(FakeModel(on_step))
    with pytest.raises(StepFailedError, match="cannot see 13"):
        await engine.submit_clip(request(), [picture(1), picture(13)])
    assert len(await engine.submit_clip(request(), [picture(1), picture(2)])) == 2


async def test_observers_are_told_of_clips(start):
    class Watching:
        def __init__(self):
            self.batches = []

        def batch_done(self, size, inference_s, waiting_s):
            self.batches.append((size, len(waiting_s)))

        def step_failed(self, error):
            raise AssertionError(error)

    observer = Watching()
    engine = await start(FakeModel(), observer=observer)
    results = await engine.submit_clip(request(), [picture(), picture()])
    assert all(isinstance(result, EngineResult) for result in results)
    await engine.perform("other", lambda: ["no result"])
    assert observer.batches == [(2, 2)]


@pytest.mark.parametrize(
    ("limits", "size", "frames"),
    [
        (EngineLimits(), (128, 256), 5),
        (EngineLimits(), (480, 864), 1),
        (EngineLimits(clip_pixels=1 << 21), (480, 864), 5),
        (EngineLimits(max_batch=2), (128, 256), 2),
        (EngineLimits(deterministic=True), (128, 256), 1),
        (EngineLimits(), (8192, 8192), 1),
    ],
)
async def test_how_many_frames_step_together_follows_from_their_size(start, limits, size, frames):
    engine = await start(FakeModel(), replace(limits, warm_up_sizes=LIMITS.warm_up_sizes))
    assert engine.clip_frames(*size) == frames
