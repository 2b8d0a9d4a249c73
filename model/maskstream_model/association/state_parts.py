"""AssociationState as named parts, and back.

    facts         JSON: schema, fingerprint, counters, and all integers of the tracks
    track/{id}    floats of a track, little endian, in the order of `FLOATS`; its shape as bits

A frame changes the facts and the tracks that it shows; what waits in the gallery keeps its bytes.
Reading refuses everything that `state_to_parts` of this very model would not have written.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import torch

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

SCHEMA = 1
FACTS = "facts"
COUNTERS = ("schema", "num_frames", "next_track_id")
MAX_COUNT = 2**62
MAX_VALUE = 1e3
"""Far above boxes, velocities, shares and cosines."""
Floats = npt.NDArray[np.float32]


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
    _check_counts(facts, config, max_tracks)
    _check_names(parts, {FACTS, *map(_part, facts.track_ids)})
    if not facts.track_ids:
        return _with_facts(initial_state(config), facts)
    widths = widths_of(config)
    rows = [_row(parts, _part(track), sum(widths.values())) for track in facts.track_ids]
    floats = np.stack([floats for floats, _ in rows])
    columns = np.split(floats, np.cumsum(list(widths.values()))[:-1], 1)
    shapes = np.stack([bits for _, bits in rows]).reshape(-1, SHAPE, SHAPE)
    state = AssociationState(
        *(torch.from_numpy(column.copy()) for column in columns),
        torch.from_numpy(shapes.astype(bool)),
        *(torch.tensor(getattr(facts, name), dtype=torch.int64) for name in INTEGERS),
    )
    return _with_facts(state, facts)


def _with_facts(state: AssociationState, facts: Facts) -> AssociationState:
    from dataclasses import replace

    return replace(state, num_frames=facts.num_frames, next_track_id=facts.next_track_id)


def _part(track: int) -> str:
    return f"track/{track}"


def _row(parts: Mapping[str, bytes], name: str, width: int) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """Return the floats `(width,)` and the bits of the shape of one track."""
    blob, wanted = parts[name], 4 * width + SHAPE**2 // 8
    if len(blob) != wanted:
        raise StateError(f"state has {name} of {len(blob)} bytes, must be {wanted}")
    floats = np.frombuffer(blob[: 4 * width], "<f4")
    if not (np.abs(floats) <= MAX_VALUE).all():
        raise StateError(f"state has numbers in {name} that are not finite or beyond {MAX_VALUE}")
    return floats, np.unpackbits(np.frombuffer(blob[4 * width :], np.uint8))
