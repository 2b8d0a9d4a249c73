"""A model with a memory of the size of a real one's, and steps of a known length."""

import time
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from maskstream_model.aliases import Frame
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.state_parts import state_from_parts, state_to_parts
from maskstream_model.frame_by_frame import NO_OPTIONS, FrameByFrame
from maskstream_model.framewise import model_info
from maskstream_model.port import FrameResult, SessionOptions, TrackStatus
from maskstream_model.presets import preset
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.results import frame_result


class StandIn(FrameByFrame[TrackerState]):
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
        self._config = preset(name)
        fingerprint = f"stand-in-{name}-{num_tracks}"
        self.info = model_info(self._config, "stand-in", fingerprint, lookahead=0)
        self._num_tracks = num_tracks
        self._step_s = step_s
        self._masks = masks

    def first_state(self) -> TrackerState:
        """Return a memory whose history is full."""
        count, width = self._num_tracks, self._config.segmenter.hidden_dim
        window = self._config.online.appearance_window
        return TrackerState(
            queries=torch.rand(count, width),
            positions=torch.rand(count, width),
            history=torch.rand(count, window, width),
            logit_sums=torch.rand(count, self._config.num_classes + 1),
            track_ids=torch.arange(1, count + 1),
            birth_frames=torch.zeros(count, dtype=torch.int64),
            missed_frames=torch.zeros(count, dtype=torch.int64),
            num_appearances=torch.full((count,), window),
            num_frames=window,
            next_track_id=count + 1,
        )

    def follow(
        self, frame: Frame, state: TrackerState, options: SessionOptions
    ) -> tuple[FrameResult, TrackerState]:
        """See `FrameByFrame`."""
        time.sleep(self._step_s)
        after = self._after(state)
        return self._shown(frame, after), after

    def committed(self, state: TrackerState) -> int:
        """See `port.Model`; the frames that filled the history are none of the session's."""
        return state.num_frames - self._config.online.appearance_window

    def to_parts(self, state: TrackerState) -> dict[str, bytes]:
        """See `port.Model`."""
        return state_to_parts(state, self.info.fingerprint)

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> TrackerState:
        """See `port.Model`."""
        fingerprint, cpu = self.info.fingerprint, torch.device("cpu")
        return state_from_parts(parts, self._config, fingerprint, cpu, options.max_tracks)

    def _after(self, state: TrackerState) -> TrackerState:
        history = state.history.clone()
        history[:, state.num_frames % history.shape[1]] = torch.rand(history[:, 0].shape)
        return replace(
            state,
            queries=torch.rand(state.queries.shape),
            positions=torch.rand(state.positions.shape),
            history=history,
            logit_sums=state.logit_sums + 1,
            num_appearances=state.num_appearances + 1,
            num_frames=state.num_frames + 1,
        )

    def _shown(self, frame: Frame, state: TrackerState) -> FrameResult:
        size = height, width = frame.shape[0], frame.shape[1]
        masks = self._masks
        if masks is None:
            masks = torch.zeros(0, -(-height // 4), -(-width // 4))
        shown = len(masks)
        output = FrameOutput(
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
        return frame_result(output, self.committed(state), size, self._config)
