"""From decisions to memories after a frame and what it shows (docs/model.md 3.3, steps 5, 7, 8).

Rules and memories are on the host, networks on the model's device: the rows that live on are asked
for of all sessions at once, and the host waits for them once (docs/decisions/0078).

Differs from reference: the rules need only scores, so that masks and appearances are made for
tracks that survive; it makes both for every row and drops most. The numbers are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from maskstream_model.aliases import Size
from maskstream_model.daq.appearance import update_momentum
from maskstream_model.daq.candidates import Candidates, LivingRows, RowMasks, living_rows
from maskstream_model.daq.disappearance import foreground_scores
from maskstream_model.daq.lifecycle import Decisions
from maskstream_model.daq.state import TrackerState
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.port import TrackStatus
from maskstream_model.tasks.output import FrameOutput


def advance(
    tracker: QueryTracker,
    states: Sequence[TrackerState],
    candidates: Candidates,
    decisions: Sequence[Decisions],
    masks: RowMasks | None,
) -> list[tuple[FrameOutput, TrackerState]]:
    """Return what a frame of each session shows, and the memory after it.

    Args:
        tracker: both trackers.
        states: `B` memories before the frames.
        candidates: rows of tracker 1.
        decisions: `B`, what becomes of the rows.
        masks: of all rows that live on, where they are made already.
    """
    alive = [(~each.gone).nonzero()[:, 0] for each in decisions]
    rows = [
        torch.cat([tracks, candidates.num_tracks + each.born])
        for tracks, each in zip(alive, decisions, strict=True)
    ]
    living = living_rows(tracker, candidates, rows, masks)
    memories = [carry(*each) for each in zip(states, alive, decisions, strict=True)]
    seen = [seen_rows(*each) for each in zip(decisions, alive, strict=True)]
    after = _remember(memories, seen, living)
    results = []
    for index, (state, new) in enumerate(zip(states, after, strict=True)):
        found, status = living[index], status_of(decisions[index], alive[index])
        shown = Shown(new, found.logits, found.masks, status)
        results.append((output_of(shown, state, decisions[index], candidates.resized[index]), new))
    return results


def _remember(
    memories: Sequence[TrackerState], seen: Sequence[Tensor], living: Sequence[LivingRows]
) -> list[TrackerState]:
    """Return the memories of all sessions with what the frames showed of their tracks."""
    counts = torch.cat([memory.num_appearances for memory in memories])
    positions = torch.cat([memory.positions for memory in memories])
    history = torch.cat([memory.history for memory in memories])
    appearances = torch.cat([found.appearances for found in living])
    moved, ring = update_momentum(positions, history, counts, appearances)
    is_seen = torch.cat(list(seen))
    # (N,) -> (N, 1) for positions (N, C), (N, 1, 1) for history (N, W, C)
    positions = torch.where(is_seen[:, None], moved, positions)
    history = torch.where(is_seen[:, None, None], ring, history)
    sizes = [memory.num_tracks for memory in memories]
    own = zip(torch.split(positions, sizes), torch.split(history, sizes), strict=True)
    # Copies: a view would keep the memories of all sessions for as long as that of one.
    return [
        replace(
            memory,
            queries=found.embeddings.clone(),
            positions=own_positions.clone(),
            history=own_history.clone(),
            logit_sums=memory.logit_sums + found.logits,
            num_appearances=memory.num_appearances + own_seen,
        )
        for memory, found, own_seen, (own_positions, own_history) in zip(
            memories, living, seen, own, strict=True
        )
    ]


def carry(state: TrackerState, alive: Tensor, decisions: Decisions) -> TrackerState:
    """Return the memory of surviving tracks with empty rows for the new ones."""
    num_born = len(decisions.born)

    def grown(values: Tensor) -> Tensor:
        return torch.cat([values[alive], values.new_zeros(num_born, *values.shape[1:])])

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


def seen_rows(decisions: Decisions, alive: Tensor) -> Tensor:
    """Return which of the living tracks a frame shows, `(N,)` bool: `alive` ones, then the new."""
    return torch.cat([decisions.seen[alive], torch.ones(len(decisions.born), dtype=torch.bool)])


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
    shown: Shown, before: TrackerState, decisions: Decisions, resized: Size
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
    means = _mean_logits(before.logit_sums[gone], before.ages[gone])

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
    return logit_sums / ages[:, None]  # (N, K + 1) / (N, 1)
