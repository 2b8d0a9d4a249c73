"""Memories that are rows of tracks: the integers that all of them have, as one part, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from maskstream_model.errors import StateError
from maskstream_model.part_values import check_consistent, check_count, check_owner

FACTS = "facts"
"""Name of the part: JSON with schema, fingerprint, counters, and all integers of the tracks."""
COUNTERS = ("num_frames", "next_track_id")
COLUMNS = ("track_ids", "birth_frames", "missed_frames")


@dataclass(frozen=True, kw_only=True)
class TrackRows:
    """The tracks of a video so far, in the order of their birth; integers are on the CPU.

    Attributes:
        track_ids: `(N,)` int64, ascending.
        birth_frames: `(N,)` int64, number of the frame of birth, from 0.
        missed_frames: `(N,)` int64, consecutive frames up to now without being seen.
        num_frames: frames seen.
        next_track_id: id of the next new track.
    """

    track_ids: Tensor
    birth_frames: Tensor
    missed_frames: Tensor
    num_frames: int = 0
    next_track_id: int = 1

    @property
    def num_tracks(self) -> int:
        """`N`, tracks that have not disappeared."""
        return len(self.track_ids)

    @property
    def ages(self) -> Tensor:
        """Frames since birth, `(N,)` int64; 1 on the frame of birth."""
        return self.num_frames - self.birth_frames


@dataclass(frozen=True)
class TrackFacts:
    """The integers of a memory, as they are read from its part.

    Attributes:
        num_frames: frames seen.
        next_track_id: id of the next new track.
        columns: numbers for each track, by name: `COLUMNS`, and `seen`.
        seen: name of the column that counts on how many frames a track was seen.
    """

    num_frames: int
    next_track_id: int
    columns: Mapping[str, list[int]]
    seen: str

    @property
    def track_ids(self) -> list[int]:
        """Of the rows, in their order."""
        return self.columns["track_ids"]

    def fields(self) -> dict[str, Any]:
        """Return the counters, and the columns as `(N,)` int64: arguments of a memory."""
        counters = {name: getattr(self, name) for name in COUNTERS}
        return counters | {
            name: torch.tensor(values, dtype=torch.int64) for name, values in self.columns.items()
        }

    def check(self, may_live: bool, max_tracks: int | None) -> None:
        """Check that ids, frames and counters are consistent with one another.

        Args:
            may_live: whether the rules keep all of these tracks alive.
            max_tracks: limit of tracks, None for none.

        Raises:
            StateError: they are not, or there are more tracks than that.
        """
        ids, births, missed, seen = self.columns.values()
        ages = [self.num_frames - birth for birth in births]
        rules = {
            "track ids must ascend from 1 to below the next id": (
                all(before < after for before, after in pairwise([0, *ids, self.next_track_id]))
            ),
            "births must follow the order of ids and be within the frames seen": (
                all(before <= after for before, after in pairwise([0, *births]))
                and all(age >= 1 for age in ages)
            ),
            "missed frames must be fewer than make a track disappear": may_live,
            f"{self.seen} must be at least one, and with missed frames at most the age": all(
                count >= 1 and count + miss <= age
                for count, miss, age in zip(seen, missed, ages, strict=True)
            ),
            "a state without frames must have no ids": (
                self.num_frames > 0 or self.next_track_id == 1
            ),
        }
        check_consistent(rules, len(ids), max_tracks)


def facts_to_part(rows: TrackRows, seen: str, schema: int, fingerprint: str) -> bytes:
    """Return the integers of a memory as JSON text; `seen` is as of `TrackFacts`."""
    facts = {
        "schema": schema,
        "fingerprint": fingerprint,
        **{name: getattr(rows, name) for name in COUNTERS},
        **{name: getattr(rows, name).tolist() for name in (*COLUMNS, seen)},
    }
    return json.dumps(facts, separators=(",", ":")).encode()


def facts_from_part(
    parts: Mapping[str, bytes], seen: str, schema: int, fingerprint: str
) -> TrackFacts:
    """Read what `facts_to_part` wrote.

    Raises:
        StateError: the part is missing or damaged, or another schema's or model's.
    """
    facts = _facts(parts, ("schema", "fingerprint", *COUNTERS, *COLUMNS, seen))
    for name in ("schema", *COUNTERS):
        check_count(name, facts[name])
    check_owner(facts["schema"], schema, facts["fingerprint"], fingerprint)
    columns = {name: facts[name] for name in (*COLUMNS, seen)}
    for name, values in columns.items():
        if type(values) is not list or len(values) != len(columns["track_ids"]):
            raise StateError(f"state has {name} that are not one number for each track")
        for value in values:
            check_count(name, value)
    return TrackFacts(facts["num_frames"], facts["next_track_id"], columns, seen)


def _facts(parts: Mapping[str, bytes], names: Sequence[str]) -> dict[str, Any]:
    """Return JSON that has exactly these names."""
    if FACTS not in parts:
        raise StateError(f"state lacks its part {FACTS}")
    try:
        facts = json.loads(parts[FACTS])
    except (ValueError, RecursionError) as error:
        raise StateError(f"state is damaged: its {FACTS} cannot be read") from error
    if not isinstance(facts, dict) or set(facts) != set(names):
        raise StateError(f"state is damaged: its {FACTS} cannot be read")
    return facts
