"""TrackerState as named parts, and back (docs/model.md 3.5).

    facts                   JSON: schema, fingerprint, counters, and all integers of the tracks
    queries, positions,     float32, little endian, row by row
    logit_sums
    history/{track}/{slot}  one appearance of a track's ring, likewise; free slots have no part

Most bytes of a memory are rings, of which a frame replaces one slot of each track that it shows;
parts named after track and slot stay the same however rows of tracks move. Reading refuses
everything that `state_to_parts` of this very model would not have written; nothing is guessed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from maskstream_model.config import ModelConfig
from maskstream_model.daq.state import TrackerState
from maskstream_model.part_values import check_names, float_array, float_bytes, floats_from
from maskstream_model.track_rows import FACTS, facts_from_part, facts_to_part

SCHEMA = 2
FLOATS = ("queries", "positions", "logit_sums")
SEEN = "num_appearances"


def state_to_parts(state: TrackerState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    history = float_array(state.history)
    ids, counts = state.track_ids.tolist(), state.num_appearances.tolist()
    return {
        FACTS: facts_to_part(state, SEEN, SCHEMA, fingerprint),
        **{name: float_bytes(getattr(state, name)) for name in FLOATS},
        **{
            _ring_part(track, slot): history[row, slot].tobytes()
            for row, track, slot in _slots(ids, counts, history.shape[1])
        },
    }


def state_from_parts(
    parts: Mapping[str, bytes],
    config: ModelConfig,
    fingerprint: str,
    max_tracks: int | None = None,
) -> TrackerState:
    """Read a memory.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    facts = facts_from_part(parts, SEEN, SCHEMA, fingerprint)
    most, ids = config.online.max_missed_frames, facts.track_ids
    facts.check(all(count < most for count in facts.columns["missed_frames"]), max_tracks)
    num_tracks, dim = len(ids), config.segmenter.hidden_dim
    window = config.online.appearance_window
    slots = _slots(ids, facts.columns[SEEN], window)
    rings = {_ring_part(track, slot): (row, slot) for row, track, slot in slots}
    check_names(parts, {FACTS, *FLOATS, *rings})
    history = np.zeros((num_tracks, window, dim), np.float32)
    for name, place in rings.items():
        history[place] = floats_from(parts, name, (dim,))
    widths = {"queries": dim, "positions": dim, "logit_sums": config.num_classes + 1}
    floats: dict[str, Any] = {
        name: torch.from_numpy(floats_from(parts, name, (num_tracks, width)).copy())
        for name, width in widths.items()
    }
    return TrackerState(
        **floats,
        history=torch.from_numpy(history),
        **facts.fields(),
    )


def _ring_part(track: int, slot: int) -> str:
    return f"history/{track}/{slot}"


def _slots(ids: Sequence[int], counts: Sequence[int], window: int) -> list[tuple[int, int, int]]:
    """Return row, track and slot of each appearance that rings hold, of so many ever put in."""
    return [
        (row, track, slot)
        for row, (track, count) in enumerate(zip(ids, counts, strict=True))
        for slot in range(min(count, window))
    ]
