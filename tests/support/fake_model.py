"""A model of a few lines: its memory is a count, its tracks are bright rectangles of the frame."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from maskstream_model.aliases import Frame, Pause
from maskstream_model.config import ModelConfig
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput
from support.tiny import tiny_config


@dataclass
class FakeModel:
    """Counts the frames of a session; one track, whose mask is where the frame is bright.

    Attributes:
        on_step: called with the frames before each step; may raise or block.
        batches: sizes of the batches that were stepped.
    """

    on_step: Callable[[Sequence[Frame]], None] = lambda frames: None
    config: ModelConfig = field(default_factory=tiny_config)
    fingerprint: str = "fake"
    batches: list[int] = field(default_factory=list)

    def initial_state(self) -> int:
        return 0

    def step(
        self, frame: Frame, state: int, max_tracks: int | None = None
    ) -> tuple[FrameOutput, int]:
        outputs, states = self.step_batch([frame], [state], max_tracks)
        return outputs[0], states[0]

    def step_batch(
        self,
        frames: Sequence[Frame],
        states: Sequence[int],
        max_tracks: int | None = None,
    ) -> tuple[list[FrameOutput], list[int]]:
        self.on_step(frames)
        self.batches.append(len(frames))
        after = [state + 1 for state in states]
        return [one_track(frame, age) for frame, age in zip(frames, after, strict=True)], after

    def step_clip(
        self,
        frames: Sequence[Frame],
        state: int,
        max_tracks: int | None = None,
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[int]]:
        self.on_step(frames)
        if pause is not None:
            pause()
        self.batches.append(len(frames))
        after = list(range(state + 1, state + 1 + len(frames)))
        return [one_track(frame, age) for frame, age in zip(frames, after, strict=True)], after

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        return (height + 31) // 32 * 32, (width + 31) // 32 * 32

    def state_to_bytes(self, state: int) -> bytes:
        return b"%d" % state

    def state_from_bytes(self, blob: bytes) -> int:
        return int(blob)


def one_track(frame: Frame, age: int) -> FrameOutput:
    """Track 1 on a frame whose size divides by 32."""
    height, width = frame.shape[:2]
    brightness = torch.from_numpy(frame[2::4, 2::4, 0].astype(np.float32))
    status = TrackStatus.EMERGED if age == 1 else TrackStatus.TRACKED
    return FrameOutput(
        track_ids=torch.tensor([1]),
        status=torch.tensor([int(status)]),
        logits=torch.zeros(1, 4),
        mean_logits=torch.zeros(1, 4),
        mask_logits=brightness[None] - 127.5,
        scores=torch.tensor([0.9]),
        labels=torch.tensor([2]),
        ages=torch.tensor([age]),
        resized=(height, width),
        padded=(height, width),
    )
