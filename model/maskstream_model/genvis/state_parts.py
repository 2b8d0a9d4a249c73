"""GenvisState as named parts, and back (docs/model.md 15.4).

    facts           JSON: schema, fingerprint, answered frames, clips, and of the queries that had a
                    track: query, id, frame of birth or null, missed frames
    queries         float32, little endian, row by row
    tracks          likewise, of the queries with a track: best probabilities, and the two sums
    prototypes/N    of one clip, the N-th modulo `memory_steps`, float16; float32 without that limit

A clip writes the first three and one of the last. Frames that wait are in none. Reading refuses
what `state_to_parts` of this very model would not have written.
"""

from collections.abc import Mapping

import torch

from maskstream_model.errors import StateError
from maskstream_model.genvis.config import GenvisConfig
from maskstream_model.genvis.state import GenvisState, Prototypes
from maskstream_model.part_values import check_consistent, check_names, float_bytes, floats_from
from maskstream_model.query_slots.facts import slots_from_part, slots_to_part
from maskstream_model.query_slots.slots import QuerySlots
from maskstream_model.track_rows import FACTS

SCHEMA = 1
QUERIES, TRACKS, PROTOTYPES = "queries", "tracks", "prototypes/"


def state_to_parts(state: GenvisState, config: GenvisConfig, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    rows = state.living.to(state.best.device)
    names = _names(state.num_steps, config)
    return {
        FACTS: slots_to_part(state, SCHEMA, fingerprint, num_steps=state.num_steps),
        QUERIES: float_bytes(state.queries),
        TRACKS: float_bytes(torch.cat([state.best, state.sums], 1)[rows]),
        **{name: each.blob for name, each in zip(names, state.prototypes, strict=True)},
    }


def state_from_parts(
    parts: Mapping[str, bytes],
    config: GenvisConfig,
    fingerprint: str,
    device: torch.device,
    max_tracks: int | None = None,
) -> GenvisState:
    """Read a memory; floats go to `device`.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    count, width, rules = config.clips.num_queries, config.clips.hidden_dim, config.online
    slots, num_steps = _facts(parts, config, fingerprint, max_tracks)
    names = _names(num_steps, config)
    check_names(parts, {FACTS, QUERIES, TRACKS, *names})
    queries = floats_from(parts, QUERIES, (count, width))
    columns = config.num_classes + 2
    living = floats_from(parts, TRACKS, (int(slots.living.sum()), columns))
    tracks = torch.zeros(count, columns)
    tracks[slots.living] = torch.from_numpy(living.copy())
    half = rules.memory_steps is not None

    def prototypes(name: str) -> Prototypes:
        values = floats_from(parts, name, (count, width), half)
        return Prototypes(torch.from_numpy(values.copy()).to(device))

    tracks = tracks.to(device)
    return GenvisState(
        **vars(slots),
        queries=torch.from_numpy(queries.copy()).to(device),
        best=tracks[:, :-2].contiguous(),
        sums=tracks[:, -2:].contiguous(),
        prototypes=tuple(map(prototypes, names)),
        num_steps=num_steps,
    )


def _facts(
    parts: Mapping[str, bytes], config: GenvisConfig, fingerprint: str, max_tracks: int | None
) -> tuple[QuerySlots, int]:
    """Return the slots and the number of clips."""
    if FACTS not in parts:
        raise StateError(f"state lacks its part {FACTS}")
    rules = config.online
    slots, counts = slots_from_part(
        parts[FACTS],
        config.clips.num_queries,
        SCHEMA,
        fingerprint,
        rules.max_missed_frames,
        max_tracks,
        further=("num_steps",),
    )
    num_steps, kept = counts["num_steps"], len(parts) - len((FACTS, QUERIES, TRACKS))
    most = num_steps if rules.memory_steps is None else min(num_steps, rules.memory_steps)
    wanted = {
        "clips must be as many as the frames need": (
            num_steps <= slots.num_frames <= num_steps * rules.clip_frames
        ),
        f"there must be prototypes of {most} clips, not {kept}": kept == most,
    }
    check_consistent(wanted, 0, None)
    return slots, num_steps


def _names(steps: int, config: GenvisConfig) -> list[str]:
    """Return the names of the prototypes that are kept after so many clips, the oldest first."""
    most = config.online.memory_steps
    first = 0 if most is None else max(0, steps - most)
    return [f"{PROTOTYPES}{step if most is None else step % most}" for step in range(first, steps)]
