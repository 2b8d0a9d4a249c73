"""TrackerState as named parts, and back (docs/model.md 3.5).

    facts                   JSON: schema, fingerprint, counters, and all integers of the tracks
    queries, positions,     float32, little endian, row by row
    logit_sums
    history/{track}/{slot}  one appearance of a track's ring, likewise; free slots have no part

Most bytes of a memory are rings, of which a frame replaces one slot of each track that it shows;
parts named after track and slot stay the same however rows of tracks move. Reading refuses
everything that `state_to_parts` of this very model would not have written; nothing is guessed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import torch

from maskstream_model.config import ModelConfig
from maskstream_model.daq.state import TrackerState
from maskstream_model.errors import StateError
from maskstream_model.part_values import (
    check_count,
    check_names,
    check_owner,
    float_array,
    float_bytes,
    floats_from,
)

SCHEMA = 2
FACTS = "facts"
FLOATS = ("queries", "positions", "logit_sums")
INTEGERS = ("track_ids", "birth_frames", "missed_frames", "num_appearances")
COUNTERS = ("schema", "num_frames", "next_track_id")


@dataclass(frozen=True)
class Facts:
    """What is known beside the floats; the names are those in the JSON text."""

    schema: int
    fingerprint: str
    num_frames: int
    next_track_id: int
    track_ids: list[int]
    birth_frames: list[int]
    missed_frames: list[int]
    num_appearances: list[int]

    def slots(self, window: int) -> list[tuple[int, int, int]]:
        """Return row, track and slot of each appearance that the rings hold."""
        return [
            (row, track, slot)
            for row, (track, count) in enumerate(
                zip(self.track_ids, self.num_appearances, strict=True)
            )
            for slot in range(min(count, window))
        ]


def state_to_parts(state: TrackerState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    integers = {name: getattr(state, name).tolist() for name in INTEGERS}
    facts = Facts(SCHEMA, fingerprint, state.num_frames, state.next_track_id, **integers)
    history = float_array(state.history)
    return {
        FACTS: json.dumps(asdict(facts), separators=(",", ":")).encode(),
        **{name: float_bytes(getattr(state, name)) for name in FLOATS},
        **{
            _ring_part(track, slot): history[row, slot].tobytes()
            for row, track, slot in facts.slots(history.shape[1])
        },
    }


def state_from_parts(
    parts: Mapping[str, bytes],
    config: ModelConfig,
    fingerprint: str,
    device: torch.device,
    max_tracks: int | None = None,
) -> TrackerState:
    """Read a memory; floats go to `device`.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    facts = _read_facts(parts, fingerprint)
    _check_counts(facts, config, max_tracks)
    num_tracks, dim = len(facts.track_ids), config.segmenter.hidden_dim
    window = config.online.appearance_window
    rings = {_ring_part(track, slot): (row, slot) for row, track, slot in facts.slots(window)}
    check_names(parts, {FACTS, *FLOATS, *rings})
    history = np.zeros((num_tracks, window, dim), np.float32)
    for name, place in rings.items():
        history[place] = floats_from(parts, name, (dim,))
    widths = {"queries": dim, "positions": dim, "logit_sums": config.num_classes + 1}
    return TrackerState(
        **{
            name: torch.from_numpy(floats_from(parts, name, (num_tracks, width)).copy()).to(device)
            for name, width in widths.items()
        },
        history=torch.from_numpy(history).to(device),
        **{name: torch.tensor(getattr(facts, name), dtype=torch.int64) for name in INTEGERS},
        num_frames=facts.num_frames,
        next_track_id=facts.next_track_id,
    )


def _ring_part(track: int, slot: int) -> str:
    return f"history/{track}/{slot}"


def _read_facts(parts: Mapping[str, bytes], fingerprint: str) -> Facts:
    try:
        facts = Facts(**json.loads(parts[FACTS]))
    except KeyError as error:
        raise StateError(f"state lacks its part {FACTS}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"state is damaged: its {FACTS} cannot be read") from error
    for name in COUNTERS:
        check_count(name, getattr(facts, name))
    check_owner(facts.schema, SCHEMA, facts.fingerprint, fingerprint)
    for name in INTEGERS:
        values = getattr(facts, name)
        if type(values) is not list or len(values) != len(facts.track_ids):
            raise StateError(f"state has {name} that are not one number for each track")
        for value in values:
            check_count(name, value)
    return facts


def _check_counts(facts: Facts, config: ModelConfig, max_tracks: int | None) -> None:
    """Check that ids, frames and counters could have come about together."""
    ids, births, missed = facts.track_ids, facts.birth_frames, facts.missed_frames
    ages = [facts.num_frames - birth for birth in births]
    rules = {
        "track ids must ascend from 1 to below the next id": (
            all(before < after for before, after in pairwise([0, *ids, facts.next_track_id]))
        ),
        "births must follow the order of ids and lie within the frames seen": (
            all(before <= after for before, after in pairwise([0, *births]))
            and all(age >= 1 for age in ages)
        ),
        "missed frames must be fewer than make a track disappear": (
            all(count < config.online.max_missed_frames for count in missed)
        ),
        "appearances must be at least one, and with missed frames at most the age": all(
            count >= 1 and count + miss <= age
            for count, miss, age in zip(facts.num_appearances, missed, ages, strict=True)
        ),
        "a state without frames must have no ids": (
            facts.num_frames > 0 or facts.next_track_id == 1
        ),
    }
    for sentence, holds in rules.items():
        if not holds:
            raise StateError(f"state is inconsistent: {sentence}")
    if max_tracks is not None and len(ids) > max_tracks:
        raise StateError(f"state has {len(ids)} tracks; at most {max_tracks} are allowed")
