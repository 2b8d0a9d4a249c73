"""What the server needs of any online model: one step per frame, memory as a value.

A model is a function `step(frame, state) -> (output, state)`. Nothing about a video lives on the
model itself, so that one model serves any number of sessions.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from maskstream_model.aliases import Frame as Frame
from maskstream_model.aliases import Pause, Progress
from maskstream_model.config import ModelConfig
from maskstream_model.port import TrackStatus as TrackStatus
from maskstream_model.tasks.output import FrameOutput as FrameOutput

if TYPE_CHECKING:
    from maskstream_model.daq.refined import RefinedVideo, RefinedWindow


State = TypeVar("State")


class OnlineSegmenter(Protocol[State]):
    """An online video segmenter with explicit memory.

    Attributes:
        config: preset, with overrides applied.
        fingerprint: short hex text that changes with weights and with rules; a state carries it.
    """

    config: ModelConfig
    fingerprint: str

    def initial_state(self) -> State:
        """Return the memory of a session that has seen nothing."""
        ...

    def step_batch(
        self,
        frames: Sequence[Frame],
        states: Sequence[State],
        max_tracks: int | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Step many sessions at once; all frames must have one `padded_size`.

        Raises:
            FrameError: a frame is not uint8 `(height, width, 3)`.
        """
        ...

    def step_clip(
        self,
        frames: Sequence[Frame],
        state: State,
        max_tracks: int | None = None,
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Step frames of one session that follow one another; return what comes of each.

        The segmenter takes them together, which costs less than one by one and may move values in
        their last bits.

        Args:
            frames: of one size, at least one.
            state: before the first of them; left as it was.
            max_tracks: limit of tracks alive, None for none.
            pause: called between the parts of the step.
        """
        ...

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """Return the size that a frame has in the network; equal sizes may share a batch."""
        ...

    def state_to_bytes(self, state: State) -> bytes:
        """Return `state` as safetensors bytes, with schema number and fingerprint."""
        ...

    def state_from_bytes(self, blob: bytes) -> State:
        """Read what `state_to_bytes` wrote.

        Raises:
            StateError: damaged bytes, or the state of another model.
        """
        ...


class StepByStep(ABC, Generic[State]):
    """Batches and clips of a model that only knows single steps; see `OnlineSegmenter`."""

    @abstractmethod
    def step(
        self, frame: Frame, state: State, max_tracks: int | None = None
    ) -> tuple[FrameOutput, State]:
        """Segment and track one frame; `state` is left as it was."""

    def step_batch(
        self, frames: Sequence[Frame], states: Sequence[State], max_tracks: int | None = None
    ) -> tuple[list[FrameOutput], list[State]]:
        """Step one session after the other."""
        pairs = zip(frames, states, strict=True)
        steps = [self.step(frame, state, max_tracks) for frame, state in pairs]
        return [output for output, _ in steps], [after for _, after in steps]

    def step_clip(
        self,
        frames: Sequence[Frame],
        state: State,
        max_tracks: int | None = None,
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Step one frame after the other."""
        outputs, states = [], []
        for frame in frames:
            output, state = self.step(frame, state, max_tracks)
            outputs.append(output)
            states.append(state)
            if pause is not None:
                pause()
        return outputs, states


class OfflineSegmenter(Protocol):
    """A segmenter of whole videos; what it holds is bounded, however long the video is.

    Attributes:
        config: preset, with overrides applied.
        fingerprint: short hex text that changes with weights and with rules.
    """

    config: ModelConfig
    fingerprint: str

    def run(self, frames: Iterable[Frame], progress: Progress | None = None) -> "RefinedVideo":
        """Segment a video.

        Args:
            frames: of one size, at least one; read once, and only as far as is needed next.
            progress: called with the number of frames done since the last call.

        Raises:
            FrameError: no frames, or one that is not uint8 `(height, width, 3)` or of another size.
        """
        ...

    def windows(
        self, frames: Iterable[Frame], progress: Progress | None = None
    ) -> "Iterator[RefinedWindow]":
        """Yield what is final, window by window, in order and without gaps; else as `run`."""
        ...
