"""From the output of a frame's queries to tracks and the memory after it (docs/model.md 10.2).

A query is a track: nothing is matched. Differs from reference: it has no rule for when a track
begins and ends; ours is in docs/decisions/0073.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.videomt.config import VideomtRules
from maskstream_model.videomt.network import VideomtOutput
from maskstream_model.videomt.state import NO_TRACK, VideomtState


@dataclass(frozen=True)
class QueryDecisions:
    """What happens to the track of each query on a frame; tensors `(Q,)` on the CPU.

    Attributes:
        born: bool, it begins.
        seen: bool, it is there, from before or new.
        missed_frames: int64, consecutive frames without being seen, with this one.
        gone: bool, it ends.
        num_refused: new tracks refused because of `max_tracks`.
    """

    born: Tensor
    seen: Tensor
    missed_frames: Tensor
    gone: Tensor
    num_refused: int


def decide(
    scores: Tensor, state: VideomtState, rules: VideomtRules, max_tracks: int | None
) -> QueryDecisions:
    """Decide by the scores of a frame.

    Args:
        scores: `(Q,)` on the CPU, the best class probability of each query, no-object left out.
        state: before the frame.
        rules: of the preset.
        max_tracks: limit of tracks alive; the best new tracks are taken, of equals the first.
    """
    living = state.living
    seen = living & (scores > rules.tracked_score_min)
    missed = torch.where(living & ~seen, state.missed_frames + 1, 0)
    most = rules.max_missed_frames
    gone = torch.zeros_like(living) if most is None else missed >= most
    candidates = (~living & (scores > rules.emergence_score_min)).nonzero()[:, 0]
    order = scores[candidates].argsort(descending=True, stable=True)
    free = len(scores) if max_tracks is None else max_tracks - int((living & ~gone).sum())
    taken = candidates[order[: max(0, free)]]
    born = torch.zeros_like(living)
    born[taken] = True
    return QueryDecisions(born, seen | born, missed, gone, len(candidates) - len(taken))


def follow(
    output: VideomtOutput,
    state: VideomtState,
    rules: VideomtRules,
    resized: Size,
    max_tracks: int | None = None,
) -> tuple[FrameOutput, VideomtState]:
    """Return the tracks of a frame and the memory after it.

    Args:
        output: of the network for this frame, without a batch axis.
        state: before the frame.
        rules: of the preset.
        resized: `(height, width)` of the frame in the network, without padding.
        max_tracks: limit of tracks alive; None for none.
    """
    scores = foreground(output.logits).cpu()
    decisions = decide(scores, state, rules, max_tracks)
    after = _remember(output, state, decisions)
    return _listed(output, state, after, decisions, resized), after


def foreground(logits: Tensor) -> Tensor:
    """Return the best class probability `(...)` of logits `(..., K + 1)`, no-object left out."""
    return logits.softmax(-1)[..., :-1].amax(-1)


def _remember(
    output: VideomtOutput, state: VideomtState, decisions: QueryDecisions
) -> VideomtState:
    count, born = len(decisions.born), decisions.born
    living = (state.living | born) & ~decisions.gone
    # The first track of a query has the query's number, from 1; each later one adds `Q`.
    first = torch.arange(1, count + 1)
    following = torch.where(state.track_ids > 0, state.track_ids + count, first)
    births = torch.where(born, state.num_frames, state.birth_frames)
    counted = living.to(output.logits.device)[:, None]
    return VideomtState(
        queries=output.queries,
        logit_sums=torch.where(counted, state.logit_sums + output.logits, 0.0),
        track_ids=torch.where(born, following, state.track_ids),
        birth_frames=torch.where(living, births, NO_TRACK),
        missed_frames=torch.where(living, decisions.missed_frames, 0),
        num_frames=state.num_frames + 1,
    )


def _listed(
    output: VideomtOutput,
    before: VideomtState,
    after: VideomtState,
    decisions: QueryDecisions,
    resized: Size,
) -> FrameOutput:
    """Return the living tracks and, for the last time, those that ended, by number of query."""
    rows = (after.living | decisions.gone).nonzero()[:, 0]
    gone = decisions.gone[rows]
    there = rows.to(output.logits.device)
    ended = gone.to(output.logits.device)[:, None]
    births = torch.where(gone, before.birth_frames[rows], after.birth_frames[rows])
    ages = after.num_frames - births
    # A track that ends is scored by the frames before this one.
    sums = torch.where(ended, before.logit_sums[there], after.logit_sums[there])
    means = sums / (ages - gone.long()).to(sums.device)[:, None]
    height, width = output.mask_logits.shape[1:]
    return FrameOutput(
        track_ids=after.track_ids[rows],
        status=_status(decisions, rows),
        logits=output.logits[there].masked_fill(ended, 0.0),
        mean_logits=means,
        mask_logits=output.mask_logits[there].masked_fill(ended[..., None], 0.0),
        scores=foreground(means),
        labels=means[:, :-1].argmax(-1),
        ages=ages,
        resized=resized,
        padded=(4 * height, 4 * width),
        num_refused=decisions.num_refused,
    )


def _status(decisions: QueryDecisions, rows: Tensor) -> Tensor:
    """Return the `TrackStatus` of the tracks of some queries."""
    status = torch.where(decisions.seen[rows], int(TrackStatus.TRACKED), int(TrackStatus.MISSED))
    status[decisions.born[rows]] = int(TrackStatus.EMERGED)
    status[decisions.gone[rows]] = int(TrackStatus.DISAPPEARED)
    return status
