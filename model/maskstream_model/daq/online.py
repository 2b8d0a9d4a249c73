"""DVIS-DAQ, online: a frame and a memory in, tracks and a new memory out (SPEC.md section 3).

Sessions that step together share the networks' batch; sessions with fewer tracks than others are
padded and masked. One session alone is never padded, so that its results are the same bits from
run to run.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.daq.advance import Candidates, advance
from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.daq.lifecycle import Scores, judge, judge_first_frame
from maskstream_model.daq.padding import stack_tracks, without_padding
from maskstream_model.daq.state import TrackerState, initial_state
from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes
from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.interface import Frame, FrameOutput
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput
from maskstream_model.tasks.preprocess import padded_size, prepare, resized_size

if TYPE_CHECKING:
    from maskstream_model.compile import CompiledSegmenter

Size = tuple[int, int]


class OnlineDaq:
    """One model that serves any number of sessions; implements `interface.OnlineSegmenter`.

    Attributes:
        config: preset, with overrides applied.
        segmenter: Mask2Former, eager or compiled.
        tracker: the two query trackers.
        device: where networks and floats of states live.
        fingerprint: hex text of weights and rules; a state carries it.
    """

    def __init__(
        self,
        config: ModelConfig,
        segmenter: "Segmenter | CompiledSegmenter",
        tracker: QueryTracker,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        self.config = config
        self.segmenter = segmenter.to(device).eval()
        self.tracker = tracker.to(device).eval()
        self.device = device
        self.fingerprint = fingerprint

    def with_segmenter(self, segmenter: "Segmenter | CompiledSegmenter") -> "OnlineDaq":
        """Return this model with another segmenter of the same weights, as a compiled one."""
        return OnlineDaq(self.config, segmenter, self.tracker, self.device, self.fingerprint)

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
        prepared = prepare(frames, self.config.online, self.device)
        return self.track(self.segmenter(prepared.images), states, prepared.resized, max_tracks)

    @torch.no_grad()
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
        first = [index for index, state in enumerate(states) if state.num_frames == 0]
        later = [index for index, state in enumerate(states) if state.num_frames > 0]
        stepped: dict[int, tuple[FrameOutput, TrackerState]] = {}
        for indices, run in ((first, self._track_first), (later, self._track_later)):
            if indices:
                group = [states[index] for index in indices]
                sizes = [resized[index] for index in indices]
                results = run(_select(segmented, indices), group, sizes, max_tracks)
                stepped.update(zip(indices, results, strict=True))
        pairs = [stepped[index] for index in range(len(states))]
        return [output for output, _ in pairs], [state for _, state in pairs]

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

    def _track_first(
        self,
        frame: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: int | None,
    ) -> list[tuple[FrameOutput, TrackerState]]:
        embeddings = self.tracker.decode_first(frame.embeddings)[-1]
        logits = self.tracker.classify(embeddings)
        scores = foreground_scores(frame.logits).cpu()
        results = []
        for index, state in enumerate(states):
            verdict = judge_first_frame(scores[index], self.config.online, max_tracks)
            rows = Candidates(
                embeddings[index], logits[index], frame.mask_features[index], resized[index]
            )
            results.append(advance(self.tracker, state, rows, verdict))
        return results

    def _track_later(
        self,
        frame: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: int | None,
    ) -> list[tuple[FrameOutput, TrackerState]]:
        tracked = stack_tracks(states)
        num_padded = tracked.features.shape[1]
        anchors = self.tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        embeddings = self.tracker.decode(tracked, frame.embeddings, anchors)[-1]
        logits = self.tracker.classify(embeddings)
        scores = self._scores(tracked, frame, logits)
        results = []
        for index, state in enumerate(states):
            own, anchor_scores = state.num_tracks, scores[0][index, num_padded:]
            keep = None if scores[1] is None else scores[1][index, :own]
            verdict = judge(
                Scores(scores[0][index, :own], anchor_scores, keep),
                state.missed_frames,
                self.config.online,
                max_tracks,
            )
            rows = Candidates(
                without_padding(embeddings[index], own, num_padded),
                without_padding(logits[index], own, num_padded),
                frame.mask_features[index],
                resized[index],
            )
            results.append(advance(self.tracker, state, rows, verdict))
        return results

    def _scores(
        self, tracked: TrackedQueries, frame: SegmenterOutput, logits: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return scores of tracker 1 `(B, N + Q)` and, where it decides, tracker 2 `(B, N)`.

        They go to the CPU as one tensor: one wait for the device instead of two.
        """
        scores = foreground_scores(logits)
        num_tracks = tracked.features.shape[1]
        # Tracker 2 decides nothing without a threshold: its work is left out, exactly.
        if self.config.online.keep_score_min is None or num_tracks == 0:
            return scores.cpu(), None
        slots = self.tracker.decode_slots(tracked, frame.embeddings, self.segmenter.query_features)
        keep = foreground_scores(self.tracker.classify(slots[-1][:, :num_tracks]))
        both = torch.cat([scores, keep], 1).cpu()
        return both[:, : scores.shape[1]], both[:, scores.shape[1] :]


def _select(segmented: SegmenterOutput, indices: list[int]) -> SegmenterOutput:
    if len(indices) == len(segmented.embeddings):
        return segmented
    return SegmenterOutput(
        segmented.embeddings[indices],
        segmented.logits[indices],
        segmented.mask_logits[indices],
        segmented.mask_features[indices],
    )
