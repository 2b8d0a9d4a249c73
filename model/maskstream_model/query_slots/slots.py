"""The tracks of queries, and what a frame does to them; nothing is matched."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from maskstream_model.port import TrackStatus
from maskstream_model.query_slots.rules import SlotRules

NO_TRACK = -1


@dataclass(frozen=True, kw_only=True)
class QuerySlots:
    """The track of each query; integers are on the CPU.

    Attributes:
        track_ids: `(Q,)` int64, id of a query's track, or of the last one that ended; 0: none yet.
        birth_frames: `(Q,)` int64, number of the frame of birth from 0; `NO_TRACK` without a track.
        missed_frames: `(Q,)` int64, consecutive frames up to now without being seen.
        num_frames: frames seen.
    """

    track_ids: Tensor
    birth_frames: Tensor
    missed_frames: Tensor
    num_frames: int

    @property
    def living(self) -> Tensor:
        """Queries with a track, `(Q,)` bool."""
        return self.birth_frames != NO_TRACK

    @property
    def ages(self) -> Tensor:
        """Frames since birth of each track, `(Q,)` int64; 1 on that frame."""
        return self.num_frames - self.birth_frames


def no_slots(count: int) -> dict[str, Any]:
    """Return the fields of `QuerySlots` before a video's first frame, for `count` queries."""
    none = torch.zeros(count, dtype=torch.int64)
    return {
        "track_ids": none,
        "birth_frames": torch.full((count,), NO_TRACK),
        "missed_frames": none,
        "num_frames": 0,
    }


@dataclass(frozen=True)
class SlotDecisions:
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

    def status(self, rows: Tensor) -> Tensor:
        """Return the `TrackStatus` of the tracks of some queries, int64."""
        status = torch.where(self.seen[rows], int(TrackStatus.TRACKED), int(TrackStatus.MISSED))
        status[self.born[rows]] = int(TrackStatus.EMERGED)
        status[self.gone[rows]] = int(TrackStatus.DISAPPEARED)
        return status


def decide(
    scores: Tensor, slots: QuerySlots, rules: SlotRules, max_tracks: int | None
) -> SlotDecisions:
    """Decide by the scores of a frame.

    Args:
        scores: `(Q,)` on the CPU, the best class probability of each query, no-object left out.
        slots: before the frame.
        rules: of the preset.
        max_tracks: limit of tracks alive; the best new tracks are taken, of equals the first.
    """
    living = slots.living
    seen = living & (scores > rules.tracked_score_min)
    missed = torch.where(living & ~seen, slots.missed_frames + 1, 0)
    most = rules.max_missed_frames
    gone = torch.zeros_like(living) if most is None else missed >= most
    candidates = (~living & (scores > rules.emergence_score_min)).nonzero()[:, 0]
    order = scores[candidates].argsort(descending=True, stable=True)
    free = len(scores) if max_tracks is None else max_tracks - int((living & ~gone).sum())
    taken = candidates[order[: max(0, free)]]
    born = torch.zeros_like(living)
    born[taken] = True
    return SlotDecisions(born, seen | born, missed, gone, len(candidates) - len(taken))


def after_frame(slots: QuerySlots, decisions: SlotDecisions) -> dict[str, Any]:
    """Return the fields of `QuerySlots` after a frame."""
    count, born = len(decisions.born), decisions.born
    living = (slots.living | born) & ~decisions.gone
    # The first track of a query has the query's number, from 1; each later one adds `Q`.
    first = torch.arange(1, count + 1)
    following = torch.where(slots.track_ids > 0, slots.track_ids + count, first)
    births = torch.where(born, slots.num_frames, slots.birth_frames)
    return {
        "track_ids": torch.where(born, following, slots.track_ids),
        "birth_frames": torch.where(living, births, NO_TRACK),
        "missed_frames": torch.where(living, decisions.missed_frames, 0),
        "num_frames": slots.num_frames + 1,
    }


@dataclass(frozen=True)
class ListedSlots:
    """The queries that a frame lists: those alive after it, and those whose track ends on it.

    Attributes:
        rows: `(N,)` int64, the queries, ascending.
        gone: `(N,)` bool, whose track ends.
        track_ids: `(N,)` int64.
        status: `(N,)` int64, values of `TrackStatus`.
        ages: `(N,)` int64, 1 on the frame of birth.
    """

    rows: Tensor
    gone: Tensor
    track_ids: Tensor
    status: Tensor
    ages: Tensor


def listed(before: QuerySlots, after: QuerySlots, decisions: SlotDecisions) -> ListedSlots:
    """Return what a frame lists, from the slots around it."""
    rows = (after.living | decisions.gone).nonzero()[:, 0]
    gone = decisions.gone[rows]
    births = torch.where(gone, before.birth_frames[rows], after.birth_frames[rows])
    return ListedSlots(
        rows, gone, after.track_ids[rows], decisions.status(rows), after.num_frames - births
    )
