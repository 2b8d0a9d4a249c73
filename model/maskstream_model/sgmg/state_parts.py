"""The memory of a session as one part of JSON; frames that wait are not in it."""

import json
from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

from maskstream_model.errors import StateError
from maskstream_model.part_values import check_consistent, check_count, check_names, check_owner
from maskstream_model.sgmg.memory import Memory, SgmgState, Track

SCHEMA = 1
PART = "memory"
FIELDS = ("schema", "model", "num_frames", "next_track_id", "tracks")


def state_to_parts(state: SgmgState, fingerprint: str) -> dict[str, bytes]:
    """Return the memory as of the last answer."""
    memory = state.memory
    values = (SCHEMA, fingerprint, memory.num_frames, memory.next_track_id)
    tracks = [astuple(track) for track in memory.tracks]
    facts = dict(zip(FIELDS, (*values, tracks), strict=True))
    return {PART: json.dumps(facts).encode()}


def state_from_parts(
    parts: Mapping[str, bytes], fingerprint: str, max_tracks: int | None
) -> SgmgState:
    """Read what `state_to_parts` wrote.

    Raises:
        StateError: it is missing, damaged or another model's, or has too many tracks.
    """
    check_names(parts, {PART})
    facts = _facts(parts[PART])
    check_owner(facts["schema"], SCHEMA, facts["model"], fingerprint)
    memory = Memory(
        facts["num_frames"], facts["next_track_id"], tuple(map(_track, facts["tracks"]))
    )
    for name, value in (("frames", memory.num_frames), ("ids", memory.next_track_id)):
        check_count(name, value)
    check_consistent(_rules(memory), len(memory.tracks), max_tracks)
    return SgmgState(memory)


def _facts(blob: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(blob)
    except (ValueError, RecursionError) as error:
        raise StateError(f"the part {PART} is damaged: {error}") from error
    if not isinstance(facts, dict) or tuple(facts) != FIELDS or type(facts["tracks"]) is not list:
        raise StateError(f"the part {PART} is damaged: it does not have {', '.join(FIELDS)}")
    return facts


def _track(values: object) -> Track:
    if type(values) is not list or len(values) != 3:
        raise StateError(f"the part {PART} is damaged: a track is three numbers")
    for value in values:
        check_count("a track with", value)
    return Track(*values)


def _rules(memory: Memory) -> dict[str, bool]:
    ids, classes = ([getattr(t, name) for t in memory.tracks] for name in ("track_id", "class_id"))
    return {
        "track ids are not unique": len(set(ids)) == len(ids),
        "two tracks are of one text": len(set(classes)) == len(classes),
        "an id was never given": all(1 <= each < memory.next_track_id for each in ids),
        "a birth is no frame before": all(
            1 <= track.birth <= memory.num_frames for track in memory.tracks
        ),
    }
