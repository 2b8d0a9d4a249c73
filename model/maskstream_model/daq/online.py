"""DVIS-DAQ, online: a frame and a memory in, tracks and a new memory out (docs/model.md 3).

Sessions that step together share the networks' batch; sessions with fewer tracks than others are
padded and masked. One session alone is never padded, so that its results are the same bits from
run to run.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.config import ModelConfig
from maskstream_model.daq.advance import advance
from maskstream_model.daq.candidates import Candidates, row_masks
from maskstream_model.daq.disappearance import match_queries
from maskstream_model.daq.duplicates import suppress_duplicates
from maskstream_model.daq.lifecycle import Decisions, Scores, admit, decide, decide_first_frame
from maskstream_model.daq.padding import stack_tracks
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import QueryTracker, TrackedQueries
from maskstream_model.daq.tracker_model import TrackerModel
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.query_tracking import AnySegmenter
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.transfers import download, upload


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
        candidates = self._candidates(embeddings, frame, resized, num_tracks=0)
        (scores,) = download([self.tracker.foreground(frame.logits)])
        decisions = [decide_first_frame(own, self.config.online) for own in scores]
        return self._conclude(states, candidates, decisions, scores, max_tracks)

    def _track_later(
        self,
        frame: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None],
    ) -> list[tuple[FrameOutput, TrackerState]]:
        tracked = self._tracked(states)
        num_padded = tracked.features.shape[1]
        anchors = self.tracker.pool_appearance(frame.mask_logits, frame.mask_features)
        embeddings = self.tracker.decode(tracked, frame.embeddings, anchors)[-1]
        candidates = self._candidates(embeddings, frame, resized, num_padded)
        scores, keep = self._scores(tracked, frame, candidates.logits)
        decisions = [
            decide(
                Scores(
                    scores[index, : state.num_tracks],
                    scores[index, num_padded:],
                    None if keep is None else keep[index, : state.num_tracks],
                ),
                state.missed_frames,
                self.config.online,
            )
            for index, state in enumerate(states)
        ]
        return self._conclude(states, candidates, decisions, scores[:, num_padded:], max_tracks)

    def _candidates(
        self, embeddings: Tensor, frame: SegmenterOutput, resized: Sequence[Size], num_tracks: int
    ) -> Candidates:
        """Return rows of tracker 1, embeddings `(B, N + Q, C)`, with all that is made of them."""
        return Candidates(
            embeddings,
            self.tracker.classify(embeddings),
            frame.mask_features,
            num_tracks,
            resized,
            masks_to_host=self.config.task == "instances",
        )

    def _tracked(self, states: Sequence[TrackerState]) -> TrackedQueries:
        """Return tracks on the model's device, with what starts them in tracker 2.

        The host matches them while a GPU segments the frame: nothing of it is needed for that.
        """
        tracked = stack_tracks(states)
        if self._asks_tracker_2(tracked):
            background, query_features = self._sources
            rows, valid = tracked.slot_rows(background)
            tracked = replace(tracked, starts=match_queries(rows, query_features, valid))
        return tracked.on(self.device)

    @cached_property
    def _sources(self) -> tuple[Tensor, Tensor]:
        """Background embeddings `(S, C)` and the segmenter's queries `(Q, C)`, on the host."""
        background = self.tracker.bg_slots.weight.detach().cpu()
        return background, self.segmenter.query_features.detach().cpu()

    def _conclude(
        self,
        states: Sequence[TrackerState],
        candidates: Candidates,
        decisions: Sequence[Decisions],
        anchor_scores: Tensor,
        max_tracks: Sequence[int | None],
    ) -> list[tuple[FrameOutput, TrackerState]]:
        """Return what frames show and the memories after, by what the scores alone decide."""
        masks, rules = None, self.config.online
        if rules.double_iou_max is not None:
            masks = row_masks(self.tracker, states, candidates, decisions)
            decisions = [
                suppress_duplicates(each, state.missed_frames, rules, ious_of)
                for each, state, ious_of in zip(decisions, states, masks.ious(), strict=True)
            ]
        admitted = list(map(admit, decisions, anchor_scores, max_tracks))
        return advance(self.tracker, states, candidates, admitted, masks)

    def _asks_tracker_2(self, tracked: TrackedQueries) -> bool:
        # Differs from reference: without a threshold tracker 2 decides nothing, and its work is
        # left out; the reference does it and drops what comes of it.
        return self.config.online.keep_score_min is not None and tracked.features.shape[1] > 0

    def _scores(
        self, tracked: TrackedQueries, frame: SegmenterOutput, logits: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return scores of tracker 1 `(B, N + Q)` and, where it decides, tracker 2 `(B, N)`.

        They are on the host, which waits for both at once.
        """
        scores = self.tracker.foreground(logits)
        if not self._asks_tracker_2(tracked):
            return download([scores])[0], None
        slots = self.tracker.decode_slots(tracked, frame.embeddings, self.segmenter.query_features)
        num_tracks = tracked.features.shape[1]
        keep = self.tracker.foreground(self.tracker.classify(slots[-1][:, :num_tracks]))
        scores, keep = download([scores, keep])
        return scores, keep


def _select(segmented: SegmenterOutput, indices: list[int]) -> SegmenterOutput:
    if len(indices) == len(segmented.embeddings):
        return segmented
    rows = torch.tensor(indices)
    return segmented.map(lambda part: part[upload(rows, part.device)])
