"""What models share that segment frames first and track their queries then (docs/model.md 2, 3)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.config import ModelConfig
from maskstream_model.errors import PromptError
from maskstream_model.mask2former.compiled import AnySegmenter
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.port import (
    FrameResult,
    ModelInfo,
    SessionOptions,
    StepInput,
    StepOutput,
)
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import Resize, padded_size, pillow, prepare, resized_size
from maskstream_model.tasks.results import frame_result

CLIP_FRAMES = 5
"""Most frames of one session that step together: beyond it little is won."""
CPU_CLIP_PIXELS = 1 << 18
"""Most pixels of these in the network: larger frames keep a CPU busy (decisions/0023)."""
GPU_CLIP_PIXELS = 1 << 21
NO_OPTIONS = SessionOptions()


class Memory(Protocol):
    """What a step needs of a state, whatever else a tracker keeps in it."""

    @property
    def num_frames(self) -> int:
        """Frames seen."""
        ...


State = TypeVar("State", bound=Memory)


@dataclass(frozen=True)
class SegmentedFrames:
    """Frames after the segmenter: its output for all of them, and their sizes in the network."""

    output: SegmenterOutput
    resized: Sequence[Size]

    def select(self, rows: Sequence[int]) -> "SegmentedFrames":
        """Return some of the frames."""
        if len(rows) == len(self.resized):
            return self
        resized = [self.resized[row] for row in rows]
        if len(rows) == 1:  # a view: mask features are large
            return SegmentedFrames(self.output.frame(rows[0]), resized)
        return SegmentedFrames(self.output.map(lambda part: part[list(rows)]), resized)


class QueryTrackingModel(ABC, Generic[State]):
    """Implements `port.Model` but for `track` and the memory, which a subclass adds.

    Attributes:
        family: who computes it.
        config: preset, with overrides applied.
        segmenter: Mask2Former, eager or compiled.
        device: where networks and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
        resize: makes frames the size that the network takes.
    """

    family: str
    resize: Resize

    def __init__(
        self,
        config: ModelConfig,
        segmenter: AnySegmenter,
        device: torch.device,
        fingerprint: str,
        resize: Resize = pillow,
    ) -> None:
        self.config = config
        self.resize = resize
        self.segmenter = segmenter.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint

    @property
    def info(self) -> ModelInfo:
        """See `port.Model`."""
        return model_info(self.config, self.family, self.fingerprint, lookahead=0)

    @abstractmethod
    def begin(self, options: SessionOptions = NO_OPTIONS) -> State:
        """See `port.Model`."""

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`: the size of such a frame in the network."""
        online = self.config.online
        return padded_size(*resized_size(height, width, online.min_size, online.max_size))

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """See `port.Model`."""
        rows, columns = self.batch_key(height, width)
        pixels = GPU_CLIP_PIXELS if self.device.type == "cuda" else CPU_CLIP_PIXELS
        return max(1, min(most, CLIP_FRAMES, pixels // (rows * columns)))

    # no_grad rather than inference_mode: results must be ordinary tensors for whoever trains.
    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[State]], pause: Pause | None = None
    ) -> list[StepOutput[State]]:
        """See `port.Model`. Frames are segmented together, and tracked one after the other."""
        frames = [frame for given in batch for frame in given.frames]
        segmented = self.segment(frames, pause)
        states = [given.state for given in batch]
        results: list[list[FrameResult]] = [[] for _ in batch]
        for sessions, rows in rounds([len(given.frames) for given in batch]):
            some = segmented.select(rows)
            outputs, after = self.track(
                some.output,
                [states[session] for session in sessions],
                some.resized,
                [batch[session].options.max_tracks for session in sessions],
            )
            for session, row, output, state in zip(sessions, rows, outputs, after, strict=True):
                states[session] = state
                results[session].append(self._result(output, state, frames[row]))
            if pause is not None:
                pause()
        return [StepOutput(*pair) for pair in zip(results, states, strict=True)]

    def flush(
        self,
        state: State,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[State]:
        """See `port.Model`: nothing is pending."""
        return StepOutput([], state)

    def committed(self, state: State) -> int:
        """See `port.Model`."""
        return state.num_frames

    @abstractmethod
    def to_parts(self, state: State) -> dict[str, bytes]:
        """See `port.Model`."""

    @abstractmethod
    def from_parts(self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS) -> State:
        """See `port.Model`."""

    # Below the port.

    def segment(self, frames: Sequence[Frame], pause: Pause | None = None) -> SegmentedFrames:
        """Segment frames of one padded size together."""
        prepared = prepare(frames, self.config.online, self.device, self.resize)
        return SegmentedFrames(self.segmenter(prepared.images, pause), prepared.resized)

    @torch.no_grad()
    def track_frame(
        self, frame: Frame, state: State, max_tracks: int | None = None
    ) -> tuple[FrameOutput, State]:
        """Segment and track one frame."""
        one = self.segment([frame])
        outputs, states = self.track(one.output, [state], one.resized, [max_tracks])
        return outputs[0], states[0]

    @abstractmethod
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[State],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None] | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Track frames that are segmented already.

        Args:
            segmented: output of the segmenter for `B` frames.
            states: `B` memories, left as they are.
            resized: `B` sizes of the frames in the network, without padding.
            max_tracks: limit of tracks alive in each session; None for none.
        """

    def _result(self, output: FrameOutput, state: State, frame: Frame) -> FrameResult:
        size = (frame.shape[0], frame.shape[1])
        return frame_result(output, state.num_frames, size, self.config)


def model_info(
    config: ModelConfig, family: str, fingerprint: str, lookahead: int | None
) -> ModelInfo:
    """Return what `port.Model` says of a preset."""
    return ModelInfo(
        name=config.name,
        family=family,
        task=config.task,
        classes=config.classes,
        prompts="never",
        lookahead=lookahead,
        report_score_min=config.online.report_score_min,
        show_score_min=config.online.show_score_min,
        input_rule={"min_size": config.online.min_size},
        backbone=config.segmenter.backbone.kind,
        precision="float32",
        fingerprint=fingerprint,
    )


def refuse_prompts(config: ModelConfig, options: SessionOptions) -> None:
    """Check that a session of a model with fixed classes names no prompts.

    Raises:
        PromptError: it does.
    """
    if options.prompts:
        raise PromptError(f"{config.name} takes no prompts")


def rounds(counts: Sequence[int]) -> list[tuple[list[int], list[int]]]:
    """Return which frames step together: the first of each session, then the second, and so on.

    Args:
        counts: frames of each session; they lie one session after the other.

    Returns:
        for each round the sessions, and the rows of their frames.
    """
    starts = [sum(counts[:session]) for session in range(len(counts))]
    return [
        (sessions, [starts[session] + number for session in sessions])
        for number in range(max(counts, default=0))
        for sessions in [[s for s, count in enumerate(counts) if number < count]]
    ]
