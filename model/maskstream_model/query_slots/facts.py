"""The integers of a memory of slots as one part of JSON, and back; its bytes are not trusted."""

import json
from collections.abc import Mapping
from typing import Any

import torch

from maskstream_model.errors import StateError
from maskstream_model.part_values import check_consistent, check_count, check_owner
from maskstream_model.query_slots.slots import NO_TRACK, QuerySlots, no_slots
from maskstream_model.track_rows import FACTS

Track = tuple[int, int, int | None, int]
"""Query, id, frame of birth (None: it ended), missed frames."""


def slots_to_part(slots: QuerySlots, schema: int, fingerprint: str, **counts: int) -> bytes:
    """Return schema, fingerprint, further counts and all integers of the slots as JSON text."""
    columns = (slots.track_ids, slots.birth_frames, slots.missed_frames)
    tracks = [
        (query, track_id, None if birth == NO_TRACK else birth, missed)
        for query, (track_id, birth, missed) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        )
        if track_id
    ]
    facts = {
        "schema": schema,
        "fingerprint": fingerprint,
        "num_frames": slots.num_frames,
        **counts,
        "tracks": tracks,
    }
    return json.dumps(facts, separators=(",", ":")).encode()


def slots_from_part(
    blob: bytes,
    count: int,
    schema: int,
    fingerprint: str,
    max_missed: int | None,
    max_tracks: int | None = None,
    further: tuple[str, ...] = (),
) -> tuple[QuerySlots, dict[str, int]]:
    """Read what `slots_to_part` wrote.

    Args:
        blob: the part.
        count: `Q`.
        schema: that is known.
        fingerprint: of the model.
        max_missed: missed frames that end a track; None for none.
        max_tracks: limit of tracks, None for none.
        further: names of the further counts.

    Returns:
        the slots, and the further counts.

    Raises:
        StateError: damaged, another schema's or model's, more than `max_tracks` tracks, or numbers
            that cannot belong together.
    """
    facts = _facts(blob, {"schema", "fingerprint", "num_frames", "tracks", *further})
    check_owner(facts["schema"], schema, facts["fingerprint"], fingerprint)
    for name in ("num_frames", *further):
        check_count(name, facts[name])
    tracks: list[Track] = facts["tracks"]
    for query, track_id, birth, missed in tracks:
        for value in (query, track_id, 0 if birth is None else birth, missed):
            check_count("tracks", value)
    _check(facts["num_frames"], tracks, count, max_missed, max_tracks)
    return _slots(facts["num_frames"], tracks, count), {name: facts[name] for name in further}


def _facts(blob: bytes, names: set[str]) -> dict[str, Any]:
    try:
        facts: dict[str, Any] = json.loads(blob)
        if set(facts) != names:
            raise ValueError(facts.keys())
        facts["tracks"] = [(a, b, c, d) for a, b, c, d in facts["tracks"]]
    except (ValueError, TypeError, RecursionError) as error:
        raise StateError(f"state is damaged: its {FACTS} cannot be read") from error
    return facts


def _slots(num_frames: int, tracks: list[Track], count: int) -> QuerySlots:
    fields = no_slots(count)
    names = ("track_ids", "birth_frames", "missed_frames")
    columns = torch.stack([fields[name] for name in names])
    for query, track_id, birth, missed in tracks:
        columns[:, query] = torch.tensor([track_id, NO_TRACK if birth is None else birth, missed])
    values: Mapping[str, Any] = dict(zip(names, columns, strict=True))
    return QuerySlots(**values, num_frames=num_frames)


def _check(
    num_frames: int,
    tracks: list[Track],
    count: int,
    most: int | None,
    max_tracks: int | None,
) -> None:
    """Check that ids, frames and counters are consistent with one another."""
    queries = [query for query, *_ in tracks]
    living = [(birth, missed) for _, _, birth, missed in tracks if birth is not None]
    rules = {
        "queries must ascend and be those of the model": (
            queries == sorted(set(queries)) and all(query < count for query in queries)
        ),
        "ids must be those of their queries": all(
            track_id > 0 and (track_id - 1) % count == query for query, track_id, _, _ in tracks
        ),
        "births must lie within the frames seen": all(birth < num_frames for birth, _ in living),
        "missed frames must be fewer than the age, and than make a track disappear": all(
            missed < num_frames - birth and (most is None or missed < most)
            for birth, missed in living
        ),
        "a track that ended must have missed nothing": all(
            missed == 0 for _, _, birth, missed in tracks if birth is None
        ),
        "a query has at most as many tracks as there were frames": all(
            (track_id - 1) // count < num_frames for _, track_id, _, _ in tracks
        ),
    }
    check_consistent(rules, len(living), max_tracks)
