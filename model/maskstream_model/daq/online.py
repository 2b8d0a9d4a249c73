"""DVIS-DAQ, online: a frame and a memory in, tracks and a new memory out (docs/model.md 3).

Sessions that step together share the networks' batch; sessions with fewer tracks than others are
padded and masked. One session alone is never padded, so that its results are the same bits from
run to run.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.config import ModelConfig
from maskstream_model.daq.advance import Candidates, advance, row_masks
from maskstream_model.daq.duplicates import suppress_duplicates
from maskstream_model.daq.lifecycle import Decisions, Scores, admit, decide, decide_first_frame
from maskstream_model.daq.padding import stack_tracks, without_padding
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.daq.tracker_model import TrackerModel
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.query_tracking import AnySegmenter
from maskstream_model.tasks.output import FrameOutput


class OnlineDaq(TrackerModel):
    """One model that serves any number of sessions; implements `port.Model`.

    Attributes:
        tracker: the two query trackers.
    """

    family = "dvis-daq"

    def __init__(
        self,
        config: ModelConfig,
        segmenter: AnySegmenter,
        tracker: QueryTracker,
        device: torch.device,
        fingerprint: str,
    ) -> None:
        super().__init__(config, segmenter, device, fingerprint)
        self.tracker = tracker.to(device).eval()

    @torch.no_grad()
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None] | None = None,
    ) -> tuple[list[FrameOutput], list[TrackerState]]:
        """Track frames that are segmented already; see `TrackerModel.track`."""
        limits = [None] * len(states) if max_tracks is None else max_tracks
        first = [index for index, state in enumerate(states) if state.num_frames == 0]
        later = [index for index, state in enumerate(states) if state.num_frames > 0]
        stepped: dict[int, tuple[FrameOutput, TrackerState]] = {}
        for indices, run in ((first, self._track_first), (later, self._track_later)):
            if indices:
                group = [states[index] for index in indices]
                sizes = [resized[index] for index in indices]
                most = [limits[index] for index in indices]
                results = run(_select(segmented, indices), group, sizes, most)
                stepped.update(zip(indices, results, strict=True))
        pairs = [stepped[index] for index in range(len(states))]
        return [output for output, _ in pairs], [state for _, state in pairs]

    def _track_first(
        self,
        frame: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None],
    ) -> list[tuple[FrameOutput, TrackerState]]:
        embeddings = self.tracker.decode_first(frame.embeddings)[-1]
        logits = self.tracker.classify(embeddings)
        scores = self.tracker.foreground(frame.logits).cpu()
        results = []
        for index, state in enumerate(states):
            decisions = decide_first_frame(scores[index], self.config.online)
            rows = Candidates(
                embeddings[index], logits[index], frame.mask_features[index], resized[index]
            )
            results.append(self._conclude(state, rows, decisions, scores[index], max_tracks[index]))
        return results

    def _track_later(
        self,
        frame: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None],
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
            decisions = decide(
                Scores(scores[0][index, :own], anchor_scores, keep),
                state.missed_frames,
                self.config.online,
            )
            rows = Candidates(
                without_padding(embeddings[index], own, num_padded),
                without_padding(logits[index], own, num_padded),
                frame.mask_features[index],
                resized[index],
            )
            results.append(self._conclude(state, rows, decisions, anchor_scores, max_tracks[index]))
        return results

    def _conclude(
        self,
        state: TrackerState,
        candidates: Candidates,
        decisions: Decisions,
        anchor_scores: Tensor,
        max_tracks: int | None,
    ) -> tuple[FrameOutput, TrackerState]:
        """Return what a frame shows and the memory after it, by what the scores alone decide."""
        rules = self.config.online
        if rules.double_iou_max is None:
            # Nobody asks for the masks of tracks that are refused.
            decisions = admit(decisions, anchor_scores, max_tracks)
        masks = row_masks(self.tracker, state, candidates, decisions)

        def masks_of(tracks: Tensor, anchors: Tensor) -> Tensor:
            return masks.of(torch.cat([tracks, state.num_tracks + anchors])) > 0

        distinct = suppress_duplicates(decisions, state.missed_frames, rules, masks_of)
        admitted = admit(distinct, anchor_scores, max_tracks)
        return advance(self.tracker, state, candidates, admitted, masks)

    def _scores(
        self, tracked: TrackedQueries, frame: SegmenterOutput, logits: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return scores of tracker 1 `(B, N + Q)` and, where it decides, tracker 2 `(B, N)`.

        They go to the CPU as one tensor: one wait for the device instead of two.
        """
        scores = self.tracker.foreground(logits)
        num_tracks = tracked.features.shape[1]
        # Differs from reference: without a threshold tracker 2 decides nothing, and its work is
        # left out; the reference does it and drops what comes of it.
        if self.config.online.keep_score_min is None or num_tracks == 0:
            return scores.cpu(), None
        slots = self.tracker.decode_slots(tracked, frame.embeddings, self.segmenter.query_features)
        keep = self.tracker.foreground(self.tracker.classify(slots[-1][:, :num_tracks]))
        both = torch.cat([scores, keep], 1).cpu()
        return both[:, : scores.shape[1]], both[:, scores.shape[1] :]


def _select(segmented: SegmenterOutput, indices: list[int]) -> SegmenterOutput:
    if len(indices) == len(segmented.embeddings):
        return segmented
    return segmented.map(lambda part: part[indices])
