"""The training-free baseline: tracks are segment queries linked by cosine similarity.

Source: MinVIS (Huang et al., NeurIPS 2022), which links all queries of consecutive frames by
Hungarian assignment. Births, misses and deaths follow the rules of `lifecycle`, so that it compares
with DVIS-DAQ on equal terms; MinVIS itself has whole-video tracks only.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.config import ModelConfig
from maskstream_model.daq.advance import Shown, carry, output_of, seen_rows, status_of
from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.daq.duplicates import mask_ious, suppress_duplicates
from maskstream_model.daq.lifecycle import Decisions, Scores, admit, decide, decide_first_frame
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker_model import TrackerModel
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.query_tracking import AnySegmenter, one_by_one
from maskstream_model.tasks.output import EMPTY_LOGIT, FrameOutput
from maskstream_model.transfers import download, upload

NO_MATCH = -1


class OnlineHungarian(TrackerModel):
    """Links segment queries from frame to frame; implements `port.Model`.

    A track keeps the embedding of the query that it was last seen in. Every track is offered one
    query; it takes it where their similarity is at least `similarity_min`, and counts as seen where
    the query's score is above `tracked_score_min`. Queries without a track may start one.
    Its memory is a `TrackerState` whose appearances are zeros.

    Args:
        config: preset; `keep_score_min` and `appearance_window` play no part.
        segmenter: the same as for DVIS-DAQ.
        device: where it runs.
        fingerprint: of the segmenter's weights and rules.
        similarity_min: cosine, -1 to 1; -1 takes every offer, as MinVIS does.
    """

    family = "hungarian"

    def __init__(
        self,
        config: ModelConfig,
        segmenter: AnySegmenter,
        device: torch.device,
        fingerprint: str,
        similarity_min: float = -1.0,
    ) -> None:
        origin = f"{fingerprint} hungarian {similarity_min!r}"
        own_fingerprint = hashlib.sha256(origin.encode()).hexdigest()[:16]
        super().__init__(config, segmenter, device, own_fingerprint)
        self.similarity_min = similarity_min

    @torch.no_grad()
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[TrackerState],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None] | None = None,
    ) -> tuple[list[FrameOutput], list[TrackerState]]:
        """Link frames that are segmented already; see `TrackerModel.track`."""
        return one_by_one(self._track_one, segmented, states, resized, max_tracks)

    def _track_one(
        self, frame: SegmenterOutput, state: TrackerState, resized: Size, max_tracks: int | None
    ) -> tuple[FrameOutput, TrackerState]:
        embeddings, logits = download([frame.embeddings[0], frame.logits[0]])
        offers = link(state.queries, embeddings, self.similarity_min)

        def ious_of(tracks: Tensor, anchors: Tensor) -> Tensor:
            rows = upload(torch.cat([offers[tracks], anchors]), self.device)
            # (M, H, W) & (M, 1, 1)
            masks = (frame.mask_logits[0][rows] > 0) & (rows != NO_MATCH)[:, None, None]
            return download([mask_ious(masks)])[0]

        scores = foreground_scores(logits, self.config.tracker.soft_classes)
        decided = self._decide(scores, offers, state)
        distinct = suppress_duplicates(decided, state.missed_frames, self.config.online, ious_of)
        decisions = admit(distinct, scores, max_tracks)
        alive = (~decisions.gone).nonzero()[:, 0]
        rows = torch.cat([offers[alive], decisions.born])
        taken, seen = rows != NO_MATCH, seen_rows(decisions, alive)
        memory = carry(state, alive, decisions)
        # (M,) -> (M, 1) for logits (M, K + 1), (M, 1, 1) for masks (M, H, W)
        logits = torch.where(taken[:, None], logits[rows], 0.0)
        masks = frame.mask_logits[0][upload(rows, self.device)]
        mask_logits = torch.where(upload(taken, self.device)[:, None, None], masks, EMPTY_LOGIT)
        new_state = replace(
            memory,
            queries=torch.where(seen[:, None], embeddings[rows], memory.queries),
            logit_sums=memory.logit_sums + logits,
            num_appearances=memory.num_appearances + seen,
        )
        shown = Shown(new_state, logits, mask_logits, status_of(decisions, alive))
        return output_of(shown, state, decisions, resized), new_state

    def _decide(self, scores: Tensor, offers: Tensor, state: TrackerState) -> Decisions:
        rules = self.config.online
        if state.num_frames == 0:
            return decide_first_frame(scores, rules)
        taken = offers[offers != NO_MATCH]
        tracked = torch.where(offers != NO_MATCH, scores[offers], 0.0)
        anchors = scores.index_fill(0, taken, 0.0)
        return decide(Scores(tracked, anchors), state.missed_frames, rules)


def link(tracks: Tensor, queries: Tensor, similarity_min: float) -> Tensor:
    """Assign each track a query of its own so that the sum of cosine similarities is largest.

    Args:
        tracks: `(N, C)`.
        queries: `(Q, C)`.
        similarity_min: pairs below it are no match.

    Returns:
        `(N,)` int64 on the CPU, index of the query or `NO_MATCH`.
    """
    # (N, C) @ (C, Q) -> (N, Q)
    similarity = (F.normalize(tracks, dim=-1) @ F.normalize(queries, dim=-1).T).cpu()
    rows, columns = linear_sum_assignment(similarity.numpy(), maximize=True)
    offers = torch.full((len(tracks),), NO_MATCH)
    good = similarity[rows, columns] >= similarity_min
    offers[torch.as_tensor(rows)[good]] = torch.as_tensor(columns)[good]
    return offers
