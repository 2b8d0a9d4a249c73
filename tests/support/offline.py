"""Steps of the offline model and their results, and the frames that its refiner takes."""

import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from maskstream_model.aliases import Frame
from maskstream_model.daq.clip_rows import TrackedFrame
from maskstream_model.daq.offline import OfflineDaq
from maskstream_model.port import FrameResult, StepInput, StepOutput
from support.tiny import SIZE

NUM_FRAMES, NUM_ROWS = 17, 8
"""Of the clip in tests/model/daq/offline, and of the tiny model."""


def tracked_frames(model: OfflineDaq, frames: Sequence[Frame]) -> list[TrackedFrame]:
    """Track a video frame by frame."""
    memory, tracked = model.begin().newest, list[TrackedFrame]()
    for frame in frames:
        ((one, memory),) = model.track_frames([frame], memory)
        tracked.append(one)
    return tracked


def steps(
    model: OfflineDaq, frames: Sequence[Frame], state: Any = None, cut: int = 1, pause: Any = None
) -> Iterator[StepOutput[Any]]:
    """Yield the output of each step; steps take `cut` frames."""
    state = model.begin() if state is None else state
    for first in range(0, len(frames), cut):
        (output,) = model.step([StepInput(frames[first : first + cut], state)], pause)
        state = output.state
        yield output


def counted_frames(model: OfflineDaq, patch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each step: how many frames' mask features are then held."""
    living, held = weakref.WeakSet[Any](), list[int]()
    track_frames = model.track_frames

    def watched(*args: Any) -> list[Any]:
        tracked = track_frames(*args)
        living.update(frame.mask_features for frame, _ in tracked)
        held.append(len(living))
        return tracked

    patch.setattr(model, "track_frames", watched)
    return held


def masks(result: FrameResult, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return the masks of all tracks, `(N, *size)` bool."""
    return result.masks.crops(np.arange(len(result.tracks.track_ids)), size).whole()


def assert_equal(ours: Sequence[FrameResult], theirs: Sequence[FrameResult]) -> None:
    """Check that results are equal, with their tables and masks."""
    assert [result.index for result in ours] == [result.index for result in theirs]
    for left, right in zip(ours, theirs, strict=True):
        for name, values in vars(left.tracks).items():
            assert np.array_equal(values, getattr(right.tracks, name)), name
        assert np.array_equal(masks(left), masks(right))
