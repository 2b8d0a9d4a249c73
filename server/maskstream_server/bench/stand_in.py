"""A model with a memory of the size of a real one's, and steps of a known length."""

import time
from dataclasses import replace

import torch
from torch import Tensor

from maskstream_model.aliases import Frame
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes
from maskstream_model.interface import FrameOutput, StepByStep, TrackStatus
from maskstream_model.presets import preset


class StandIn(StepByStep[TrackerState]):
    """Remembers `num_tracks` tracks as a preset would, and shows those that have masks.

    Every frame changes all that a frame of the real model changes: queries, momentum, sums of
    logits, and one row of each track's history.

    Args:
        name: the preset whose memory it has.
        num_tracks: tracks alive, from the first frame on.
        step_s: how long a step takes.
        masks: logits `(n, height / 4, width / 4)` of the first `n` tracks; none where left out.
    """

    def __init__(
        self, name: str, num_tracks: int, step_s: float, masks: Tensor | None = None
    ) -> None:
        self.config = preset(name)
        self.fingerprint = f"stand-in-{name}-{num_tracks}"
        self._num_tracks = num_tracks
        self._step_s = step_s
        self._masks = masks

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
        return self._shown(frame, after), after

    def padded_size(self, height: int, width: int) -> tuple[int, int]:
        """See `OnlineSegmenter.padded_size`."""
        return height, width

    def state_to_bytes(self, state: TrackerState) -> bytes:
        """See `OnlineSegmenter.state_to_bytes`."""
        return state_to_bytes(state, self.fingerprint)

    def state_from_bytes(self, blob: bytes) -> TrackerState:
        """See `OnlineSegmenter.state_from_bytes`."""
        return state_from_bytes(blob, self.config, self.fingerprint, torch.device("cpu"))

    def _shown(self, frame: Frame, state: TrackerState) -> FrameOutput:
        size = height, width = frame.shape[0], frame.shape[1]
        masks = self._masks
        if masks is None:
            masks = torch.zeros(0, -(-height // 4), -(-width // 4))
        shown = len(masks)
        return FrameOutput(
            track_ids=state.track_ids[:shown],
            status=torch.full((shown,), int(TrackStatus.TRACKED)),
            logits=state.logit_sums[:shown],
            mean_logits=state.logit_sums[:shown],
            mask_logits=masks,
            scores=torch.full((shown,), 0.9),
            labels=torch.zeros(shown, dtype=torch.int64),
            ages=torch.full((shown,), state.num_frames),
            resized=size,
            padded=size,
        )
