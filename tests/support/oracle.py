"""A model that knows the truth, and clips of moving squares for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from maskstream_model.aliases import Frame
from maskstream_model.config import ModelConfig
from maskstream_model.frame_by_frame import NO_OPTIONS, FrameByFrame
from maskstream_model.network_model import model_info
from maskstream_model.port import FrameResult, ModelInfo, SessionOptions
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.results import frame_result
from maskstream_train.evaluation.sources import AnnotatedClip

SIZE = (32, 64)
NUM_CLASSES = 3


def squares(spans: Sequence[tuple[int, int]], num_frames: int = 12) -> AnnotatedClip:
    """Objects in lanes of their own, visible from the first to the last frame of their span.

    The frame holds the truth: pixels of object `i` are `i + 1` in all channels.
    """
    masks = np.zeros((num_frames, len(spans), *SIZE), dtype=bool)
    for lane, (first, last) in enumerate(spans):
        for time in range(first, last + 1):
            masks[time, lane, 8 * lane : 8 * lane + 8, 2 * time : 2 * time + 8] = True
    numbers = np.arange(1, len(spans) + 1, dtype=np.uint8)[:, None, None]
    flat = (masks * numbers).sum(axis=1, dtype=np.uint8)
    frames = np.repeat(flat[..., None], 3, axis=3)
    return AnnotatedClip(
        id=1,
        name="squares",
        num_frames=num_frames,
        truth_labels=np.arange(len(spans)) % NUM_CLASSES,
        crowd=np.zeros(len(spans), dtype=bool),
        frames=list(zip(frames, masks, strict=True)),
    )


@dataclass(frozen=True)
class Memory:
    """Frames since each object was seen, by object; tracks live as long as they are listed."""

    missed: dict[int, int]
    num_frames: int = 0


@dataclass(frozen=True)
class Oracle(FrameByFrame[Memory]):
    """Reads the objects off the frame; track `i` is object `i`, at most `patience` frames late.

    Attributes:
        config: any, for its number of classes.
        wrong_class: calls everything by the next class.
    """

    config: ModelConfig
    patience: int = 2
    wrong_class: bool = False

    @property
    def info(self) -> ModelInfo:
        return model_info(self.config, "oracle", "oracle", lookahead=0)

    def first_state(self) -> Memory:
        return Memory({})

    def follow(
        self, frame: Frame, state: Memory, options: SessionOptions
    ) -> tuple[FrameResult, Memory]:
        visible = [int(value) for value in np.unique(frame) if value]
        missed = {track: age + 1 for track, age in state.missed.items()}
        status = {track: 2 if age <= self.patience else 3 for track, age in missed.items()}
        for track in visible:
            status[track] = 1 if track in missed else 0
            missed[track] = 0
        listed = sorted(status)
        alive = {track: age for track, age in missed.items() if status[track] != 3}
        after = Memory(alive, state.num_frames + 1)
        output = self._output(frame, listed, status)
        return frame_result(output, after.num_frames, SIZE, self.config), after

    def to_parts(self, state: Memory) -> dict[str, bytes]:
        raise AssertionError("an evaluation saves no memory")

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> Memory:
        raise AssertionError("an evaluation restores no memory")

    def _output(self, frame: Frame, listed: list[int], status: dict[int, int]) -> FrameOutput:
        shift = 0 if self.wrong_class else -1
        labels = torch.tensor([(track + shift) % NUM_CLASSES for track in listed], dtype=torch.long)
        logits = torch.nn.functional.one_hot(labels, NUM_CLASSES + 1).float() * 9
        masks = np.array([frame[..., 0] == track for track in listed]).reshape(-1, *SIZE)
        return FrameOutput(
            track_ids=torch.tensor(listed, dtype=torch.long),
            status=torch.tensor([status[track] for track in listed], dtype=torch.long),
            logits=logits,
            mean_logits=logits,
            mask_logits=torch.from_numpy(masks).float() * 2 - 1,
            scores=logits.softmax(-1).amax(-1),
            labels=labels,
            ages=torch.ones(len(listed), dtype=torch.long),
            resized=SIZE,
            padded=SIZE,
        )
