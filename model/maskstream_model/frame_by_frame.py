"""Bases of models that answer each frame at once; `FrameByFrame` takes one after the other."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import FrameError, PromptError
from maskstream_model.port import FrameResult, ModelInfo, SessionOptions, StepInput, StepOutput

NO_OPTIONS = SessionOptions()


class Counted(Protocol):
    """A state that counts its frames."""

    @property
    def num_frames(self) -> int:
        """Frames that were stepped."""
        ...


State = TypeVar("State", bound=Counted)


class AnswersAtOnce(ABC, Generic[State]):
    """Implements what of `port.Model` is the same for all models without pending frames.

    Attributes:
        info: facts, with a lookahead of 0.
    """

    info: ModelInfo

    @abstractmethod
    def first_state(self) -> State:
        """Return the state of a session before its first frame."""

    @abstractmethod
    def to_parts(self, state: State) -> dict[str, bytes]:
        """Return the memory as named parts; see `port.Model`."""

    @abstractmethod
    def from_parts(self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS) -> State:
        """Read what `to_parts` wrote; see `port.Model`."""

    def begin(self, options: SessionOptions = NO_OPTIONS) -> State:
        """Return the state of a session before its first frame; see `port.Model`."""
        check_prompts(self.info, options)
        return self.first_state()

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """Return 1: more frames gain nothing."""
        return 1

    def flush(
        self, state: State, options: SessionOptions = NO_OPTIONS, pause: Pause | None = None
    ) -> StepOutput[State]:
        """Return nothing: all frames are answered."""
        return StepOutput([], state)

    def committed(self, state: State) -> int:
        """Return the number of the last frame."""
        return state.num_frames


class FrameByFrame(AnswersAtOnce[State]):
    """Implements `port.Model` except for the memory and the step of a frame."""

    @abstractmethod
    def follow(
        self, frame: Frame, state: State, options: SessionOptions
    ) -> tuple[FrameResult, State]:
        """Return the final result of one frame, whose index is one more than the state's count."""

    def batch_key(self, height: int, width: int) -> Hashable:
        """Return one key for all sizes: frames are stepped one by one."""
        return ()

    def step(
        self, batch: Sequence[StepInput[State]], pause: Pause | None = None
    ) -> list[StepOutput[State]]:
        """Take the next frames of some sessions; see `port.Model`."""
        outputs = []
        for given in batch:
            check_prompts(self.info, given.options)
            results, state = list[FrameResult](), given.state
            for frame in given.frames:
                check_frame(frame)
                result, state = self.follow(frame, state, given.options)
                results.append(result)
                if pause is not None:
                    pause()
            outputs.append(StepOutput(results, state))
        return outputs


def check_prompts(info: ModelInfo, options: SessionOptions) -> None:
    """Raise PromptError where prompts are needed and missing, or not taken."""
    if info.prompts == "required" and not options.prompts:
        raise PromptError(f"{info.name} needs prompts: texts that name what to segment")
    if info.prompts == "never" and options.prompts:
        raise PromptError(f"{info.name} takes no prompts")


def check_frame(frame: Frame) -> None:
    """Raise FrameError unless a frame is uint8 `(height, width, 3)` and has pixels."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        raise FrameError("a frame must be a numpy array of uint8")
    if frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise FrameError(f"a frame must be (height, width, 3), not {frame.shape}")
