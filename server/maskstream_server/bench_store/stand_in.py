"""A model with a memory of the size of a real one's, and steps of a known length."""

import time
from dataclasses import replace

import torch

from maskstream_model import preset
from maskstream_model.aliases import Frame
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes
from maskstream_model.interface import FrameOutput, StepByStep


class StandIn(StepByStep[TrackerState]):
    """Tells of no objects, but remembers `num_tracks` of them as a preset would.

    Every frame changes all that a frame of the real model changes: queries, momentum, sums of
    logits, and one row of each track's history.

    Args:
        name: the preset whose memory it has.
        num_tracks: tracks alive, from the first frame on.
        step_s: how long a step takes.
    """

    def __init__(self, name: str, num_tracks: int, step_s: float) -> None:
        self.config = preset(name)
        self.fingerprint = f"stand-in-{name}-{num_tracks}"
        self._num_tracks = num_tracks
        self._step_s = step_s

    def initial_state(self) -> TrackerState:
        """Return a memory whose history is full."""
        count, width = self._num_tracks, self.config.segmenter.hidden_dim
        window = self.config.online.appearance_window
        return TrackerState(
            queries=torch.rand(count, width),
            positions=torch.rand(count, width),
            history=torch.rand(count, window, width),
            logit_sums=torch.rand(count, self.config.num_classes + 1),
            track_ids=torch.arange(1, count + 1),
            birth_frames=torch.zeros(count, dtype=torch.int64),
            missed_frames=torch.zeros(count, dtype=torch.int64),
            num_appearances=torch.full((count,), window),
            num_frames=window,
            next_track_id=count + 1,
        )

    def step(
        self, frame: Frame, state: TrackerState, max_tracks: int | None = None
    ) -> tuple[FrameOutput, TrackerState]:
        """See `OnlineSegmenter.step`."""
        time.sleep(self._step_s)
        history = state.history.clone()
        history[:, state.num_frames % history.shape[1]] = torch.rand(history[:, 0].shape)
        after = replace(
            state,
            queries=torch.rand(state.queries.shape),
            positions=torch.rand(state.positions.shape),
            history=history,
            logit_sums=state.logit_sums + 1,
            num_appearances=state.num_appearances + 1,
            num_frames=state.num_frames + 1,
        )
        return self._nothing(frame), after

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """See `OnlineSegmenter.padded_size`."""
        return height, width

    def state_to_bytes(self, state: TrackerState) -> bytes:
        """See `OnlineSegmenter.state_to_bytes`."""
        return state_to_bytes(state, self.fingerprint)

    def state_from_bytes(self, blob: bytes) -> TrackerState:
        """See `OnlineSegmenter.state_from_bytes`."""
        return state_from_bytes(blob, self.config, self.fingerprint, torch.device("cpu"))

    def _nothing(self, frame: Frame) -> FrameOutput:
        size = frame.shape[0], frame.shape[1]
        none = torch.zeros(0, dtype=torch.int64)
        logits = torch.zeros(0, self.config.num_classes + 1)
        masks = torch.zeros(0, -(-size[0] // 4), -(-size[1] // 4))
        return FrameOutput(none, none, logits, logits, masks, logits.sum(1), none, none, size, size)
