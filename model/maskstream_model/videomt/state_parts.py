"""VideomtState as named parts, and back (docs/model.md 10.3).

    facts        JSON: schema, fingerprint, frames, and of the queries that had a track: query, id,
                 frame of birth or null, missed frames
    queries      float32, little endian, row by row
    logit_sums   likewise, of the queries with a track

All of it changes with every frame. Reading refuses what `state_to_parts` of this very model would
not have written.
"""

import json
from collections.abc import Mapping
from typing import Any

import torch

from maskstream_model.errors import StateError
from maskstream_model.part_values import (
    check_consistent,
    check_count,
    check_names,
    check_owner,
    float_bytes,
    floats_from,
)
from maskstream_model.track_rows import FACTS
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.state import NO_TRACK, VideomtState, initial_state

SCHEMA = 1
QUERIES, LOGIT_SUMS = "queries", "logit_sums"
KEYS = {"schema", "fingerprint", "num_frames", "tracks"}
Track = tuple[int, int, int | None, int]
"""Query, id, frame of birth (None: it ended), missed frames."""


def state_to_parts(state: VideomtState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    columns = (state.track_ids, state.birth_frames, state.missed_frames)
    tracks = [
        (query, track_id, None if birth == NO_TRACK else birth, missed)
        for query, (track_id, birth, missed) in enumerate(
            zip(*(column.tolist() for column in columns), strict=True)
        )
        if track_id
    ]
    facts = {
        "schema": SCHEMA,
        "fingerprint": fingerprint,
        "num_frames": state.num_frames,
        "tracks": tracks,
    }
    rows = state.living.to(state.logit_sums.device)
    return {
        FACTS: json.dumps(facts, separators=(",", ":")).encode(),
        QUERIES: float_bytes(state.queries),
        LOGIT_SUMS: float_bytes(state.logit_sums[rows]),
    }


def state_from_parts(
    parts: Mapping[str, bytes],
    config: VideomtConfig,
    fingerprint: str,
    device: torch.device,
    max_tracks: int | None = None,
) -> VideomtState:
    """Read a memory; floats go to `device`.

    Raises:
        StateError: damaged parts, another schema, another model's state, more than `max_tracks`
            tracks, or numbers that cannot belong together.
    """
    check_names(parts, {FACTS, QUERIES, LOGIT_SUMS})
    num_frames, tracks = _facts(parts[FACTS], fingerprint)
    _check(num_frames, tracks, config, max_tracks)
    network = config.network
    living = [query for query, _, birth, _ in tracks if birth is not None]
    queries = floats_from(parts, QUERIES, (network.num_queries, network.width))
    sums = floats_from(parts, LOGIT_SUMS, (len(living), config.num_classes + 1))
    state = initial_state(config, torch.from_numpy(queries.copy()).to(device))
    logit_sums = state.logit_sums.clone()
    logit_sums[living] = torch.from_numpy(sums.copy()).to(device)
    columns = torch.stack([state.track_ids, state.birth_frames, state.missed_frames])
    for query, track_id, birth, missed in tracks:
        columns[:, query] = torch.tensor([track_id, NO_TRACK if birth is None else birth, missed])
    track_ids, birth_frames, missed_frames = columns
    return VideomtState(
        state.queries, logit_sums, track_ids, birth_frames, missed_frames, num_frames
    )


def _facts(blob: bytes, fingerprint: str) -> tuple[int, list[Track]]:
    try:
        facts: dict[str, Any] = json.loads(blob)
        if set(facts) != KEYS:
            raise ValueError(facts.keys())
        tracks: list[Track] = [(a, b, c, d) for a, b, c, d in facts["tracks"]]
    except (ValueError, TypeError, RecursionError) as error:
        raise StateError(f"state is damaged: its {FACTS} cannot be read") from error
    check_owner(facts["schema"], SCHEMA, facts["fingerprint"], fingerprint)
    check_count("num_frames", facts["num_frames"])
    for query, track_id, birth, missed in tracks:
        for value in (query, track_id, 0 if birth is None else birth, missed):
            check_count("tracks", value)
    return facts["num_frames"], tracks


def _check(
    num_frames: int, tracks: list[Track], config: VideomtConfig, max_tracks: int | None
) -> None:
    """Check that ids, frames and counters are consistent with one another."""
    count, most = config.network.num_queries, config.online.max_missed_frames
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
