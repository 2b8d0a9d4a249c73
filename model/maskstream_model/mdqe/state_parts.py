"""MdqeMemory as named parts, and back.

    facts         JSON: schema, fingerprint, counters, and all integers of the tracks
    recent/{n}    embeddings that an entry of the history had, zeros for tracks without one
    {name}        every other float of `float_shapes`, all tracks

All are float32 of little endian. A new entry of the history replaces the oldest part; the others
keep their bytes. Frames that wait are not in it: they are sent again.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from maskstream_model.errors import StateError
from maskstream_model.mdqe.config import MdqeConfig
from maskstream_model.mdqe.memory import HISTORY, UNSEEN, MdqeMemory, float_shapes
from maskstream_model.part_values import (
    check_consistent,
    check_count,
    check_names,
    check_owner,
    float_bytes,
    floats_from,
)

SCHEMA = 1
FACTS = "facts"
RECENT = "recent"
COUNTERS = ("num_frames", "num_pending", "window", "entries", "next_track_id")
COLUMNS = ("track_ids", "birth_frames", "birth_windows", "missed_clips")


def memory_to_parts(memory: MdqeMemory, fingerprint: str) -> dict[str, bytes]:
    """Return `memory` as parts, to be read by the model with this fingerprint."""
    facts: dict[str, Any] = {"schema": SCHEMA, "fingerprint": fingerprint}
    facts |= {name: getattr(memory, name) for name in COUNTERS}
    facts |= {name: getattr(memory, name).tolist() for name in COLUMNS}
    # Counted from 1 for the wire of `check_count`; 0 is a track that no frame has shown.
    facts["birth_frames"] = (memory.birth_frames - UNSEEN).tolist()
    floats = {name: float_bytes(getattr(memory, name)) for name in _plain_names()}
    history = {
        _recent(memory.entries, age): float_bytes(memory.recent[:, age]) for age in range(HISTORY)
    }
    return {FACTS: json.dumps(facts, separators=(",", ":")).encode(), **floats, **history}


def memory_from_parts(
    parts: Mapping[str, bytes],
    config: MdqeConfig,
    fingerprint: str,
    device: torch.device,
    max_tracks: int | None = None,
) -> MdqeMemory:
    """Read a memory.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    check_names(parts, {FACTS, *_plain_names(), *(f"{RECENT}/{n}" for n in range(HISTORY))})
    facts = _facts(parts[FACTS], fingerprint)
    _check(facts, config, max_tracks)
    count, shapes = len(facts["track_ids"]), float_shapes(config)
    floats: dict[str, Any] = {
        name: _tensor(floats_from(parts, name, (count, *shapes[name])), device)
        for name in _plain_names()
    }
    width = shapes["embeds"]
    history = [
        _tensor(floats_from(parts, _recent(facts["entries"], age), (count, *width)), device)
        for age in range(HISTORY)
    ]
    _check_counts(floats)
    columns: dict[str, Any] = {
        name: torch.tensor(facts[name], dtype=torch.int64) for name in COLUMNS
    }
    columns["birth_frames"] += UNSEEN
    return MdqeMemory(
        **columns,
        **floats,
        recent=torch.stack(history, 1),
        **{name: facts[name] for name in COUNTERS},
    )


def _plain_names() -> tuple[str, ...]:
    return (
        "embeds",
        "recent_counts",
        "coefficients",
        "frame_counts",
        "class_sums",
        "class_counts",
        "window_sums",
        "window_max",
    )


def _recent(entries: int, place: int) -> str:
    """Return the part of an entry at a place in the history, 0 for the oldest."""
    return f"{RECENT}/{(entries + place) % HISTORY}"


def _tensor(values: np.ndarray[Any, np.dtype[np.float32]], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values.copy()).to(device)


def _facts(blob: bytes, fingerprint: str) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(blob)
        if set(facts) != {"schema", "fingerprint", *COUNTERS, *COLUMNS}:
            raise ValueError(facts.keys())
        if any(type(facts[name]) is not list for name in COLUMNS):
            raise ValueError(COLUMNS)
    except (ValueError, TypeError, RecursionError) as error:
        raise StateError(f"state is damaged: its {FACTS} cannot be read") from error
    check_owner(facts["schema"], SCHEMA, facts["fingerprint"], fingerprint)
    for name in (*COUNTERS, *COLUMNS):
        for value in facts[name] if name in COLUMNS else [facts[name]]:
            check_count(name, value)
    return facts


def _check(facts: Mapping[str, Any], config: MdqeConfig, max_tracks: int | None) -> None:
    """Check that ids, frames and counters are consistent with one another."""
    rules, ids = config.online, facts["track_ids"]
    frames, window = facts["num_frames"], facts["window"]
    consistent = {
        "track ids must ascend from 1 to below the next id": (
            all(before < after for before, after in pairwise([0, *ids, facts["next_track_id"]]))
        ),
        "there must be one number for each track": (
            all(len(facts[name]) == len(ids) for name in COLUMNS)
        ),
        "births must lie within the frames seen": (
            all(birth <= frames for birth in facts["birth_frames"])
            and all(birth <= window for birth in facts["birth_windows"])
        ),
        "missed clips must be fewer than make a track disappear": (
            rules.max_missed_clips is None
            or all(missed < rules.max_missed_clips for missed in facts["missed_clips"])
        ),
        "pending frames must be fewer than a clip has": facts["num_pending"] < rules.clip_frames,
        "the window must be one of the frames seen": window * rules.window_frames <= frames,
        "a state without frames must have no ids": frames > 0 or facts["next_track_id"] == 1,
        "there must be no more tracks than the preset has": len(ids) <= rules.tracks_max,
    }
    check_consistent(consistent, len(ids), max_tracks)


def _check_counts(floats: Mapping[str, torch.Tensor]) -> None:
    """Check the floats that count clips."""
    for name in ("recent_counts", "frame_counts", "class_counts"):
        if not (floats[name] >= 0).all():
            raise StateError(f"state has {name} below 0")
