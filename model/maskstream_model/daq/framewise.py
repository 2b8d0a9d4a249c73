"""What online models share that segment a frame first and track its queries then (design.md 2)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.config import ModelConfig
from maskstream_model.daq.state import TrackerState, initial_state
from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes
from maskstream_model.errors import FrameError
from maskstream_model.interface import FrameOutput
from maskstream_model.mask2former.compiled import AnySegmenter
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size


class FramewiseModel(ABC):
    """Implements `interface.OnlineSegmenter` but for `track`, which a subclass adds.

    Attributes:
        config: preset, with overrides applied.
        segmenter: Mask2Former, eager or compiled.
        device: where networks and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    def __init__(
        self,
        config: ModelConfig,
        segmenter: AnySegmenter,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.segmenter = segmenter.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint

    def initial_state(self) -> TrackerState:
        """Return the memory of a session that has seen nothing."""
        return initial_state(self.config, self.device)

    def step(
        self, frame: Frame, state: TrackerState, max_tracks: int | None = None
    ) -> tuple[FrameOutput, TrackerState]:
        """Segment and track one frame; see `interface.OnlineSegmenter`."""
        outputs, states = self.step_batch([frame], [state], max_tracks)
        return outputs[0], states[0]

    # no_grad rather than inference_mode: results must be ordinary tensors for whoever trains.
    @torch.no_grad()
    def step_batch(
        self,
        frames: Sequence[Frame],
        states: Sequence[TrackerState],
        max_tracks: int | None = None,
    ) -> tuple[list[FrameOutput], list[TrackerState]]:
        """Step many sessions at once; see `interface.OnlineSegmenter`."""
        if len(frames) != len(states):
            raise FrameError(f"a batch of {len(frames)} frames cannot have {len(states)} states")
        prepared = prepare(frames, self.config.online, self.device)
        segmented = self.segmenter(prepared.images)
        return self.track(segmented, states, prepared.resized, max_tracks)

    @torch.no_grad()
    def step_clip(
        self,
        frames: Sequence[Frame],
        state: TrackerState,
        max_tracks: int | None = None,
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[TrackerState]]:
        """Step frames that follow one another; see `interface.OnlineSegmenter`."""
        outputs, states = [], []
        for segmented, resized in self.segment_clip(frames, pause):
            (output,), (state,) = self.track(segmented, [state], [resized], max_tracks)
            outputs.append(output)
            states.append(state)
        return outputs, states

    def segment_clip(
        self, frames: Sequence[Frame], pause: Pause | None = None
    ) -> Iterator[tuple[SegmenterOutput, Size]]:
        """Segment frames of one size together, and yield each of them with its resized size."""
        prepared = prepare(frames, self.config.online, self.device)
        segmented = self.segmenter(prepared.images, pause)
        for index, resized in enumerate(prepared.resized):
            yield segmented.frame(index), resized
            if pause is not None:
                pause()

    @abstractmethod
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: int | None = None,
    ) -> tuple[list[FrameOutput], list[TrackerState]]:
        """Track frames that are segmented already.

        Args:
            segmented: output of the segmenter for `B` frames.
            states: `B` memories, left as they are.
            resized: `B` sizes of the frames in the network, without padding.
            max_tracks: limit of tracks alive in each session, None for none.
        """

    def padded_size(self, height: int, width: int) -> Size:
        """Return the size of a `height` x `width` frame in the network."""
        online = self.config.online
        return padded_size(*resized_size(height, width, online.min_size, online.max_size))

    def state_to_bytes(self, state: TrackerState) -> bytes:
        """Return `state` as bytes; see `state_codec`."""
        return state_to_bytes(state, self.fingerprint)

    def state_from_bytes(self, blob: bytes) -> TrackerState:
        """Read what `state_to_bytes` wrote; see `state_codec`."""
        return state_from_bytes(blob, self.config, self.fingerprint, self.device)
