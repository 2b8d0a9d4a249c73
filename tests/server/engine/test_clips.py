"""Frames of a whole video that step together: results of each, and live sessions first."""

from dataclasses import replace

import numpy as np
import pytest

from maskstream_server.engine.queue import ACTIVE_S
from maskstream_server.engine.types import EngineLimits
from maskstream_server.errors import StepFailedError
from support.double_precision import double_precision
from support.engines import LIMITS, picture, start, submit, submit_clip
from support.fake_model import FakeModel
from support.tiny import tiny_frames, tiny_model

__all__ = ["start"]


async def test_each_frame_of_a_clip_has_its_result_and_the_last_one_the_memory(start):
    model = FakeModel()
    engine = await start(model)
    result = await submit_clip(engine, [picture(n) for n in range(3)], state=3)
    frames = result.report.frames
    assert model.batches == [3]
    assert [frame.tracks.ages.tolist() for frame in frames] == [[4], [5], [6]]
    assert (result.report.committed, result.report.parts) == (6, {"count": b"6"})
    assert result.times.batch_size == 3
    # Whom nobody knew emerges on the first frame, and is known on those after it.
    assert [frame.tracks.status.tolist() for frame in frames] == [[0], [1], [1]]
    assert (await submit_clip(engine, [picture()], every=2)).report.parts is None


async def run_one_by_one(engine, frames):
    results, state, mentioned = [], None, frozenset()
    for frame in frames:
        result = await submit_clip(engine, [frame], state=state, mentioned=mentioned)
        state, mentioned = result.state, result.report.mentioned
        results.append(result)
    return results


async def test_a_clip_agrees_with_its_frames_one_by_one(start):
    model, frames = tiny_model(), tiny_frames(9)
    engine = await start(model)
    with double_precision(model.segmenter, model.tracker):
        clip = (await submit_clip(engine, frames)).report.frames
        results = await run_one_by_one(engine, frames)
    for result, together in zip(results, clip, strict=True):
        alone = result.frame
        assert together.tracks.track_ids.tolist() == alone.tracks.track_ids.tolist()
        assert together.tracks.status.tolist() == alone.tracks.status.tolist()
        np.testing.assert_allclose(together.tracks.scores, alone.tracks.scores, atol=1e-4)
        np.testing.assert_allclose(together.crops.boxes, alone.crops.boxes, atol=2)
    assert max(len(frame.tracks.track_ids) for frame in clip) >= 2


async def test_beside_live_sessions_the_frames_of_a_clip_step_one_by_one(start):
    model, clip = FakeModel(), [picture(n) for n in range(3)]
    now_s = [0.0]
    engine = await start(model, clock=lambda: now_s[0])
    await submit_clip(engine, clip)
    await submit(engine, "live")
    report = (await submit_clip(engine, clip)).report
    assert model.batches == [3, 1, 1, 1, 1]
    assert [frame.tracks.ages.tolist() for frame in report.frames] == [[1], [2], [3]]
    assert report.parts == {"count": b"3"}
    now_s[0] += ACTIVE_S
    await submit_clip(engine, clip)
    assert model.batches[5:] == [3]


async def test_a_clip_that_fails_is_reported_and_the_engine_continues(start):
    def on_step(frames):
        if frames[-1][0, 0, 0] == 13:
            raise RuntimeError("cannot see 13")

    engine = await start(FakeModel(on_step))
    with pytest.raises(StepFailedError, match="cannot see 13"):
        await submit_clip(engine, [picture(1), picture(13)])
    assert (await submit_clip(engine, [picture(1), picture(2)])).state == 2


async def test_observers_are_reported_clips(start):
    class Watching:
        def __init__(self):
            self.batches = []

        def batch_done(self, size, inference_s, waiting_s):
            self.batches.append((size, len(waiting_s)))

        def step_failed(self, error):
            raise AssertionError(error)

    observer = Watching()
    engine = await start(FakeModel(), observer=observer)
    await submit_clip(engine, [picture(), picture()])
    await submit_clip(engine, [], state=2)
    assert observer.batches == [(2, 2)]


@pytest.mark.parametrize(
    ("limits", "most", "frames"),
    [
        (EngineLimits(), 100, 5),
        (EngineLimits(), 3, 3),
        (EngineLimits(), 0, 1),
        (EngineLimits(max_batch=2), 100, 2),
        (EngineLimits(deterministic=True), 100, 1),
    ],
)
async def test_so_many_frames_step_together_as_batches_and_the_model_allow(
    start, limits, most, frames
):
    engine = await start(FakeModel(), replace(limits, warm_up_sizes=LIMITS.warm_up_sizes))
    assert engine.clip_frames(engine.model, 128, 256, most) == frames
