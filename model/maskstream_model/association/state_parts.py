"""AssociationState as named parts, and back.

    facts         JSON: schema, fingerprint, counters, and all integers of the tracks
    track/{id}    floats of a track, little endian, in the order of `FLOATS`; its shape as bits

A frame changes the facts and the tracks that it shows; tracks in the gallery keep their bytes.
Reading refuses everything that `state_to_parts` of this very model would not have written.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from maskstream_model.association.rules import AssociationRules
from maskstream_model.association.state import (
    FLOATS,
    SHAPE,
    AssociationState,
    initial_state,
    widths_of,
)
from maskstream_model.config import ModelConfig
from maskstream_model.errors import StateError
from maskstream_model.part_values import check_names, floats_from
from maskstream_model.track_rows import FACTS, TrackFacts, facts_from_part, facts_to_part

SCHEMA = 1
SEEN = "num_seen"
SHAPE_BYTES = SHAPE**2 // 8
Floats = npt.NDArray[np.float32]


def state_to_parts(state: AssociationState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    floats = torch.cat([getattr(state, name) for name in FLOATS], 1).numpy().astype("<f4")
    shapes = np.packbits(state.shapes.flatten(1).numpy(), axis=1)
    return {
        FACTS: facts_to_part(state, SEEN, SCHEMA, fingerprint),
        **{
            _part(track): floats[row].tobytes() + shapes[row].tobytes()
            for row, track in enumerate(state.track_ids.tolist())
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
    facts = facts_from_part(parts, SEEN, SCHEMA, fingerprint)
    assert isinstance(config.online, AssociationRules)
    facts.check(_may_live(facts, config.online), max_tracks)
    check_names(parts, {FACTS, *map(_part, facts.track_ids)})
    widths = widths_of(config)
    rows = [_row(parts, _part(track), sum(widths.values())) for track in facts.track_ids]
    if not rows:
        return replace(initial_state(config), **facts.fields())
    floats, shapes = (np.stack(column) for column in zip(*rows, strict=True))
    columns = np.split(floats, np.cumsum(list(widths.values()))[:-1], 1)
    values: dict[str, Any] = {
        name: torch.from_numpy(column.copy()) for name, column in zip(widths, columns, strict=True)
    }
    return AssociationState(**values, shapes=torch.from_numpy(shapes), **facts.fields())


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


def _may_live(facts: TrackFacts, rules: AssociationRules) -> bool:
    """Return whether no track was away too long, and the gallery is not too full."""
    missed, seen = facts.columns["missed_frames"], facts.columns[SEEN]
    waiting = sum(count >= rules.max_missed_frames for count in missed)
    patient = all(away < rules.patience(count) for away, count in zip(missed, seen, strict=True))
    return patient and waiting <= rules.gallery_size
