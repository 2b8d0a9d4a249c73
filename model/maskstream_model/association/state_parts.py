"""AssociationState as named parts, and back.

    facts         JSON: schema, fingerprint, counters, and all integers of the tracks
    track/{id}    floats of a track, little endian, in the order of `FLOATS`; its shape as bits

A frame changes the facts and the tracks that it shows; tracks in the gallery keep their bytes.
Reading refuses everything that `state_to_parts` of this very model would not have written.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from maskstream_model.association.rules import AssociationRules
from maskstream_model.association.state import (
    FLOATS,
    INTEGERS,
    SHAPE,
    AssociationState,
    initial_state,
    widths_of,
)
from maskstream_model.config import ModelConfig
from maskstream_model.errors import StateError
from maskstream_model.part_values import check_count, check_names, check_owner, floats_from

SCHEMA = 1
FACTS = "facts"
COUNTERS = ("num_frames", "next_track_id")
SHAPE_BYTES = SHAPE**2 // 8
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """Everything but the floats; field names are the keys in the JSON text."""

    schema: int
    fingerprint: str
    num_frames: int
    next_track_id: int
    track_ids: list[int]
    birth_frames: list[int]
    missed_frames: list[int]
    num_seen: list[int]


def state_to_parts(state: AssociationState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    integers = {name: getattr(state, name).tolist() for name in INTEGERS}
    facts = Facts(SCHEMA, fingerprint, state.num_frames, state.next_track_id, **integers)
    floats = torch.cat([getattr(state, name) for name in FLOATS], 1).numpy().astype("<f4")
    shapes = np.packbits(state.shapes.flatten(1).numpy(), axis=1)
    return {
        FACTS: json.dumps(asdict(facts), separators=(",", ":")).encode(),
        **{
            _part(track): floats[row].tobytes() + shapes[row].tobytes()
            for row, track in enumerate(facts.track_ids)
        },
    }


def state_from_parts(
    parts: Mapping[str, bytes],
    config: ModelConfig,
    fingerprint: str,
    max_tracks: int | None = None,
) -> AssociationState:
    """Read a memory.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    facts = _read_facts(parts, fingerprint)
    assert isinstance(config.online, AssociationRules)
    _check_counts(facts, config.online, max_tracks)
    check_names(parts, {FACTS, *map(_part, facts.track_ids)})
    widths = widths_of(config)
    rows = [_row(parts, _part(track), sum(widths.values())) for track in facts.track_ids]
    counters = {name: getattr(facts, name) for name in COUNTERS}
    if not rows:
        return replace(initial_state(config), **counters)
    floats, shapes = (np.stack(column) for column in zip(*rows, strict=True))
    columns = np.split(floats, np.cumsum(list(widths.values()))[:-1], 1)
    values: dict[str, Any] = {
        name: torch.from_numpy(column.copy()) for name, column in zip(widths, columns, strict=True)
    }
    values |= {name: torch.tensor(getattr(facts, name), dtype=torch.int64) for name in INTEGERS}
    return AssociationState(**values, shapes=torch.from_numpy(shapes), **counters)


def _part(track: int) -> str:
    return f"track/{track}"


def _row(parts: Mapping[str, bytes], name: str, width: int) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the floats `(width,)` and the shape `(SHAPE, SHAPE)` of one track."""
    blob, wanted = parts[name], 4 * width + SHAPE_BYTES
    if len(blob) != wanted:
        raise StateError(f"state has {name} of {len(blob)} bytes, must be {wanted}")
    bits = np.unpackbits(np.frombuffer(blob[-SHAPE_BYTES:], np.uint8))
    floats = floats_from({name: blob[:-SHAPE_BYTES]}, name, (width,))
    return floats, bits.reshape(SHAPE, SHAPE).astype(bool)


def _read_facts(parts: Mapping[str, bytes], fingerprint: str) -> Facts:
    try:
        facts = Facts(**json.loads(parts[FACTS]))
        columns = [list(getattr(facts, name)) for name in INTEGERS]
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"state lacks its {FACTS}, or they are damaged") from error
    check_owner(facts.schema, SCHEMA, facts.fingerprint, fingerprint)
    for name in COUNTERS:
        check_count(name, getattr(facts, name))
    for name, values in zip(INTEGERS, columns, strict=True):
        if len(values) != len(facts.track_ids):
            raise StateError(f"state has {name} that are not one number for each track")
        for value in values:
            check_count(name, value)
    return facts


def _check_counts(facts: Facts, rules: AssociationRules, max_tracks: int | None) -> None:
    """Check that ids, frames and counters are consistent with one another."""
    ids, births = facts.track_ids, facts.birth_frames
    counts = list(zip(facts.num_seen, facts.missed_frames, births, strict=True))
    waiting = sum(missed >= rules.max_missed_frames for missed in facts.missed_frames)
    holds = {
        "track ids must ascend from 1 to below the next id": (
            all(before < after for before, after in pairwise([0, *ids, facts.next_track_id]))
        ),
        "births must follow the order of ids and lie within the frames seen": (
            all(before <= after for before, after in pairwise([0, *births]))
            and all(birth < facts.num_frames for birth in births)
        ),
        "frames seen must be at least one, and with missed ones at most the age": all(
            seen >= 1 and seen + missed <= facts.num_frames - birth
            for seen, missed, birth in counts
        ),
        "missed frames must be fewer than make a track disappear": (
            all(missed < rules.patience(seen) for seen, missed, _ in counts)
            and waiting <= rules.gallery_size
        ),
        "a state without frames must have no ids": (
            facts.num_frames > 0 or facts.next_track_id == 1
        ),
    }
    for sentence, true in holds.items():
        if not true:
            raise StateError(f"state is inconsistent: {sentence}")
    if max_tracks is not None and len(ids) > max_tracks:
        raise StateError(f"state has {len(ids)} tracks; at most {max_tracks} are allowed")
