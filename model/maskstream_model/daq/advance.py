"""From decisions to the memory after a frame and what it shows (docs/model.md 3.3, steps 5, 7, 8).

Differs from reference: the rules need only scores, so that masks are made for tracks that survive
and appearances are pooled for tracks that were seen; it makes both for every row and drops most.
The numbers are the same.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.daq.appearance import update_momentum
from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.daq.lifecycle import Decisions
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput


@dataclass(frozen=True)
class Candidates:
    """Rows of tracker 1 for one video: its `N` tracks, then the `Q` anchors, no padding.

    Attributes:
        embeddings: `(N + Q, C)`.
        logits: `(N + Q, K + 1)`.
        mask_features: `(C, H, W)`.
        resized: `(height, width)` of the frame as the network saw it, without padding.
    """

    embeddings: Tensor
    logits: Tensor
    mask_features: Tensor
    resized: tuple[int, int]


@dataclass(frozen=True)
class RowMasks:
    """Masks of some rows of tracker 1, which duplicates are judged by and which are then shown.

    Attributes:
        rows: `(M,)` int64 on the CPU, ascending.
        logits: `(M, H, W)` float32.
    """

    rows: Tensor
    logits: Tensor

    def of(self, rows: Tensor) -> Tensor:
        """Return the logits `(R, H, W)` of some of the rows."""
        if rows.equal(self.rows):
            return self.logits
        return self.logits[torch.searchsorted(self.rows, rows).to(self.logits.device)]


def row_masks(
    tracker: QueryTracker, state: TrackerState, candidates: Candidates, decisions: Decisions
) -> RowMasks:
    """Return the masks of all rows that a frame may show: what lives, is born or just got lost.

    A track that is lost on this frame alone may be recovered even where it would be gone.
    """
    lost = ~decisions.seen & (state.missed_frames == 0)
    tracks = (~decisions.gone | lost).nonzero()[:, 0]
    rows = torch.cat([tracks, state.num_tracks + decisions.born])
    # Memories and results are float32, whatever a GPU computed in.
    embeddings = candidates.embeddings[rows.to(candidates.embeddings.device)].float()
    # (M, C) and (C, H, W) as a batch of one -> (M, H, W)
    logits = tracker.segment(embeddings[None], candidates.mask_features[None])[0]
    return RowMasks(rows, logits.float())


def advance(
    tracker: QueryTracker,
    state: TrackerState,
    candidates: Candidates,
    decisions: Decisions,
    masks: RowMasks,
) -> tuple[FrameOutput, TrackerState]:
    """Return what the frame shows and the memory after it; `masks` has all rows that live on."""
    alive = (~decisions.gone).nonzero()[:, 0]
    living = torch.cat([alive, state.num_tracks + decisions.born])
    rows = living.to(candidates.embeddings.device)
    embeddings, logits = candidates.embeddings[rows].float(), candidates.logits[rows].float()
    features, mask_logits = candidates.mask_features[None], masks.of(living)[None]
    memory = carry(state, alive, decisions)
    seen = torch.cat([decisions.seen[alive], torch.ones(len(decisions.born), dtype=torch.bool)])
    seen_rows = seen.nonzero()[:, 0].to(rows.device)
    appearances = tracker.pool_appearance(mask_logits[:, seen_rows], features)[0].float()
    positions, history = _remember(memory, seen_rows, appearances)
    new_state = replace(
        memory,
        queries=embeddings,
        positions=positions,
        history=history,
        logit_sums=memory.logit_sums + logits,
        num_appearances=memory.num_appearances + seen,
    )
    shown = Shown(new_state, logits, mask_logits[0], status_of(decisions, alive))
    return output_of(shown, state, decisions, candidates.resized), new_state


def carry(state: TrackerState, alive: Tensor, decisions: Decisions) -> TrackerState:
    """Return the memory of surviving tracks with empty rows for the new ones."""
    num_born = len(decisions.born)
    rows = alive.to(state.queries.device)

    def grown(values: Tensor) -> Tensor:
        index = rows if values.is_floating_point() else alive
        return torch.cat([values[index], values.new_zeros(num_born, *values.shape[1:])])

    # Differs from reference: ids count births; there they are random, and may run out.
    ids = torch.arange(state.next_track_id, state.next_track_id + num_born)
    births = torch.full((num_born,), state.num_frames)
    no_misses = torch.zeros(num_born, dtype=torch.int64)
    return TrackerState(
        queries=grown(state.queries),
        positions=grown(state.positions),
        history=grown(state.history),
        logit_sums=grown(state.logit_sums),
        track_ids=torch.cat([state.track_ids[alive], ids]),
        birth_frames=torch.cat([state.birth_frames[alive], births]),
        missed_frames=torch.cat([decisions.missed_frames[alive], no_misses]),
        num_appearances=grown(state.num_appearances),
        num_frames=state.num_frames + 1,
        next_track_id=state.next_track_id + num_born,
    )


def _remember(
    memory: TrackerState, seen_rows: Tensor, appearances: Tensor
) -> tuple[Tensor, Tensor]:
    """Return momentum positions and history; rows that were not seen stay as they are."""
    positions, history = memory.positions.clone(), memory.history.clone()
    counts = memory.num_appearances.to(seen_rows.device)[seen_rows]
    positions[seen_rows], history[seen_rows] = update_momentum(
        positions[seen_rows], history[seen_rows], counts, appearances
    )
    return positions, history


def status_of(decisions: Decisions, alive: Tensor) -> Tensor:
    """Return the `TrackStatus` of the living tracks, `alive` ones first, then the new ones."""
    tracked = torch.where(decisions.seen[alive], int(TrackStatus.TRACKED), int(TrackStatus.MISSED))
    return torch.cat([tracked, torch.full((len(decisions.born),), int(TrackStatus.EMERGED))])


@dataclass(frozen=True)
class Shown:
    """Living tracks of a frame: memory after it, logits, mask logits, status, row by row."""

    state: TrackerState
    logits: Tensor
    mask_logits: Tensor
    status: Tensor


def output_of(
    shown: Shown, before: TrackerState, decisions: Decisions, resized: tuple[int, int]
) -> FrameOutput:
    """Return the living tracks and, for the last time, those that disappeared."""
    state, gone = shown.state, decisions.gone.nonzero()[:, 0]
    means = _mean_logits(state.logit_sums, state.ages)
    height, width = shown.mask_logits.shape[1:]
    output = FrameOutput(
        track_ids=state.track_ids,
        status=shown.status,
        logits=shown.logits,
        mean_logits=means,
        mask_logits=shown.mask_logits,
        scores=foreground_scores(means),
        labels=means[:, :-1].argmax(-1),
        ages=state.ages,
        resized=resized,
        padded=(4 * height, 4 * width),
        num_refused=decisions.num_refused,
    )
    return output if len(gone) == 0 else _with_gone(output, before, gone)


def _with_gone(output: FrameOutput, before: TrackerState, gone: Tensor) -> FrameOutput:
    """Return `output` with a last mention of tracks `gone` of the memory before."""
    rows = gone.to(before.logit_sums.device)
    means = _mean_logits(before.logit_sums[rows], before.ages[gone])

    def with_zeros(values: Tensor) -> Tensor:
        return torch.cat([values, values.new_zeros(len(gone), *values.shape[1:])])

    return replace(
        output,
        track_ids=torch.cat([output.track_ids, before.track_ids[gone]]),
        status=torch.cat([output.status, torch.full((len(gone),), int(TrackStatus.DISAPPEARED))]),
        logits=with_zeros(output.logits),
        mean_logits=torch.cat([output.mean_logits, means]),
        mask_logits=with_zeros(output.mask_logits),
        scores=torch.cat([output.scores, foreground_scores(means)]),
        labels=torch.cat([output.labels, means[:, :-1].argmax(-1)]),
        ages=torch.cat([output.ages, before.ages[gone] + 1]),
    )


def _mean_logits(logit_sums: Tensor, ages: Tensor) -> Tensor:
    """Return the mean logits of tracks, `(N, K + 1)` (docs/model.md 3.6).

    Differs from reference: the mean is of all frames since birth; there, of those of a call, which
    `tasks.instances.clip_tracks` gives.
    """
    return logit_sums / ages.to(logit_sums.device)[:, None]  # (N, K + 1) / (N, 1)
