"""DVIS-DAQ, offline: the online model over a video, then the refiner (docs/model.md 4).

Differs from reference: a video is refined in overlapping windows, so that memory does not grow with
its length (decisions/0009). A window that holds the whole video gives the reference's numbers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.checkpoint import listed
from maskstream_model.config import ModelConfig
from maskstream_model.daq.clip_memory import ClipMemory
from maskstream_model.daq.clip_rows import TrackedFrame
from maskstream_model.daq.naive_sequences import follow
from maskstream_model.daq.offline_parts import (
    PREVIOUS,
    TRACKER,
    WINDOWS,
    WindowMemory,
    previous_from_parts,
    window_memory,
)
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.refined_tracks import RefinedTracks
from maskstream_model.daq.refinement import refine
from maskstream_model.daq.refiner import TemporalRefiner
from maskstream_model.daq.windows import OpenWindow, WindowRule
from maskstream_model.errors import ConfigError, StateError
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.part_values import float_bytes
from maskstream_model.port import FrameResult, ModelInfo, SessionOptions, StepInput, StepOutput


@dataclass(frozen=True)
class OfflineState:
    """The memory of a video; bounded by a window, however long the video is. A value.

    Attributes:
        newest: after the newest frame.
        window: frames that the next refinement sees.
        starts: memories before the frames with which windows begin, by the number of frames before
            them; the first is that of `window`.
        tracks: state of the tracks after the windows so far.
    """

    newest: ClipMemory
    starts: Mapping[int, ClipMemory]
    window: OpenWindow[TrackedFrame] = field(default_factory=OpenWindow)
    tracks: RefinedTracks = field(default_factory=RefinedTracks)


class OfflineDaq:
    """Refines videos; implements `port.Model`, a window late.

    Attributes:
        config: preset, with overrides applied.
        online: segmenter and trackers, with the offline model's thresholds; a model of its own, for
            who cannot wait.
        refiner: the temporal refiner.
        rules: how windows are cut, and what is shown of them.
    """

    def __init__(self, online: OnlineDaq, refiner: TemporalRefiner) -> None:
        """Join the parts.

        Raises:
            ConfigError: the preset has no offline rules.
        """
        if online.config.offline is None:
            raise ConfigError(f"{online.config.name} is an online model, without offline rules")
        self.config: ModelConfig = online.config
        self.online = online
        self.refiner = refiner.to(online.device).eval()
        self.rules = online.config.offline

    @property
    def fingerprint(self) -> str:
        """That of the online model, which may run on another backend by now."""
        return self.online.fingerprint

    @property
    def info(self) -> ModelInfo:
        """See `port.Model`."""
        return replace(self.online.info, lookahead=self.rules.window)

    def begin(self, options: SessionOptions = NO_OPTIONS) -> OfflineState:
        """See `port.Model`."""
        memory = ClipMemory(self.online.begin(options))
        return OfflineState(memory, {0: memory})

    def batch_key(self, height: int, width: int) -> Size:
        """See `port.Model`."""
        return self.online.batch_key(height, width)

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """See `port.Model`: windows begin where clips do."""
        stride, most = self._rule.stride, self.online.clip_frames(height, width, most)
        if stride is None:
            return most
        return max(count for count in range(1, most + 1) if stride % count == 0)

    @torch.no_grad()
    def step(
        self, batch: Sequence[StepInput[OfflineState]], pause: Pause | None = None
    ) -> list[StepOutput[OfflineState]]:
        """See `port.Model`: videos one after the other."""
        return [self._step(given, pause) for given in batch]

    def _step(
        self, given: StepInput[OfflineState], pause: Pause | None
    ) -> StepOutput[OfflineState]:
        state, results = given.state, list[FrameResult]()
        for tracked, memory in self.track_frames(given.frames, state.newest, given.options, pause):
            decided, state = self._add(state, tracked, memory, pause)
            results += decided
        return StepOutput(results, state)

    def _add(
        self, state: OfflineState, tracked: TrackedFrame, memory: ClipMemory, pause: Pause | None
    ) -> tuple[list[FrameResult], OfflineState]:
        """Take a frame and the memory after it; return what is decided by it."""
        full, window = state.window.add(tracked, self._rule)
        starts, end = dict(state.starts), window.end
        if self._rule.stride is not None and (end - window.first) % self._rule.stride == 0:
            starts[end] = memory
        starts = {first: kept for first, kept in starts.items() if first >= window.first}
        state = replace(state, newest=memory, window=window, starts=starts)
        if full is None:
            return [], state
        results, tracks = refine(self.refiner, full, state.tracks, self.rules, pause)
        return results, replace(state, tracks=tracks)

    @torch.no_grad()
    def flush(
        self,
        state: OfflineState,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> StepOutput[OfflineState]:
        """See `port.Model`: the last window."""
        last, window = state.window.close()
        if last is None:
            return StepOutput([], state)
        results, tracks = refine(self.refiner, last, state.tracks, self.rules, pause)
        starts = {window.first: state.newest}
        return StepOutput(results, OfflineState(state.newest, starts, window, tracks))

    def committed(self, state: OfflineState) -> int:
        """See `port.Model`: frames before the next window."""
        return state.window.first

    def to_parts(self, state: OfflineState) -> dict[str, bytes]:
        """See `port.Model` and `offline_parts`."""
        memory = state.starts[state.window.first]
        tracker = self.online.to_parts(memory.state)
        windows = WindowMemory(state.window.first, state.window.decided, state.tracks)
        parts = {TRACKER + name: blob for name, blob in tracker.items()}
        if memory.previous is not None:
            parts[PREVIOUS] = float_bytes(memory.previous)
        return {**parts, WINDOWS: windows.to_part()}

    def from_parts(
        self, parts: Mapping[str, bytes], options: SessionOptions = NO_OPTIONS
    ) -> OfflineState:
        """See `port.Model` and `offline_parts`."""
        own = {name: blob for name, blob in parts.items() if not name.startswith(TRACKER)}
        unknown = sorted(set(own) - {PREVIOUS, WINDOWS})
        if unknown:
            raise StateError(f"state has unknown {listed(unknown)}")
        tracker = {
            name.removeprefix(TRACKER): blob for name, blob in parts.items() if name not in own
        }
        state = self.online.from_parts(tracker, options)
        kept = window_memory(own, self.config)
        if kept.first != state.num_frames or (PREVIOUS in own) != (state.num_frames > 0):
            raise StateError("the windows do not belong to the state of the tracker")
        previous = None
        if PREVIOUS in own:
            previous = previous_from_parts(own, self.config).to(self.online.device)
        memory = ClipMemory(state, previous)
        window = OpenWindow[TrackedFrame](kept.first, kept.decided)
        return OfflineState(memory, {kept.first: memory}, window, kept.tracks)

    # Not part of the port.

    @property
    def _rule(self) -> WindowRule:
        return WindowRule(self.rules.window, self.rules.overlap)

    @torch.no_grad()
    def track_frames(
        self,
        frames: Sequence[Frame],
        memory: ClipMemory,
        options: SessionOptions = NO_OPTIONS,
        pause: Pause | None = None,
    ) -> list[tuple[TrackedFrame, ClipMemory]]:
        """Run the online model over the next frames; return each with the memory after it.

        The state goes through the whole video once, so that ids hold across windows.
        """
        steps, together = [], self.online.prepare(frames, pause)
        for row, frame in enumerate(frames):
            one = together.select([row])
            (output,), (state,) = self.online.track(
                one.output, [memory.state], one.resized, [options.max_tracks]
            )
            naive = follow(memory.previous, one.output.embeddings[0])
            memory = ClipMemory(state, one.output.embeddings[0][naive])
            size = (frame.shape[0], frame.shape[1])
            steps.append((TrackedFrame.of(size, one.output, naive, output, state), memory))
            if pause is not None:
                pause()
        return steps
