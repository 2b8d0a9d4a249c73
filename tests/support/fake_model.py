"""A model of a few lines: its memory is a count, its tracks are bright rectangles of the frame."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import StateError
from maskstream_model.pixel_masks import PixelMasks
from maskstream_model.port import (
    ClassInfo,
    FrameResult,
    ModelInfo,
    SessionOptions,
    StepInput,
    StepOutput,
    TrackStatus,
    TrackTable,
)

NO_OPTIONS = SessionOptions()


def fake_info(name: str = "fake", **facts: object) -> ModelInfo:
    values = {
        "family": "fake",
        "task": "instances",
        "classes": tuple(ClassInfo(f"class {n}", f"#{n + 1:06x}") for n in range(3)),
        "report_score_min": 0.3,
        "input_rule": {"min_size": None},
        "fingerprint": f"{name}-1",
    }
    return ModelInfo(name=name, **values | facts)


@dataclass
class FakeModel:
    """Counts the frames of a session; one track, whose mask is where the frame is bright.

    Attributes:
        on_step: called with the frames before each step; may raise or block.
        info: facts.
        batches: sizes of the batches that were stepped.
    """

    on_step: Callable[[Sequence[Frame]], None] = lambda frames: None
    info: ModelInfo = field(default_factory=fake_info)
    batches: list[int] = field(default_factory=list)

    def begin(self, options: SessionOptions = NO_OPTIONS) -> int:
        return 0

    def batch_key(self, height: int, width: int) -> Hashable:
        return (height + 31) // 32 * 32, (width + 31) // 32 * 32

    def clip_frames(self, height: int, width: int, most: int) -> int:
        return min(5, most)

    def step(
        self, batch: Sequence[StepInput[int]], pause: Pause | None = None
    ) -> list[StepOutput[int]]:
        frames = [frame for given in batch for frame in given.frames]
        self.on_step(frames)
        if pause is not None:
            pause()
        self.batches.append(len(frames))
        return [self._step_one(given) for given in batch]

    def _step_one(self, given: StepInput[int]) -> StepOutput[int]:
        ages = range(given.state + 1, given.state + 1 + len(given.frames))
        results = [self.track(frame, age) for frame, age in zip(given.frames, ages, strict=True)]
        return StepOutput(results, given.state + len(given.frames))

    def track(self, frame: Frame, age: int) -> FrameResult:
        """Track 1 is where the frame is bright."""
        status = TrackStatus.EMERGED if age == 1 else TrackStatus.TRACKED
        masks = PixelMasks(frame[None, :, :, 0].astype(np.float32) - 127.5)
        return FrameResult(age, frame.shape[:2], one_track(status, age), masks)

    def flush(
        self, state: int, options: SessionOptions = NO_OPTIONS, pause: Pause | None = None
    ) -> StepOutput[int]:
        return StepOutput((), state)

    def committed(self, state: int) -> int:
        return state

    def to_parts(self, state: int) -> dict[str, bytes]:
        return {"count": b"%d" % state}

    def from_parts(self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS) -> int:
        if set(parts) != {"count"} or not parts["count"].isdigit():
            raise StateError("no count")
        return int(parts["count"])


def one_track(status: TrackStatus, age: int, label: int = 2) -> TrackTable:
    return TrackTable(
        track_ids=np.array([1]),
        labels=np.array([label]),
        scores=np.array([0.9], np.float32),
        status=np.array([int(status)]),
        ages=np.array([age]),
        things=np.ones(1, bool),
        mentionable=np.ones(1, bool),
    )
