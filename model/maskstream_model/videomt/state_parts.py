"""VideomtState as named parts, and back (docs/model.md 10.3).

    facts        JSON: schema, fingerprint, frames, and of the queries that had a track: query, id,
                 frame of birth or null, missed frames
    queries      float32, little endian, row by row
    logit_sums   likewise, of the queries with a track

All of it changes with every frame. Reading refuses what `state_to_parts` of this very model would
not have written.
"""

from collections.abc import Mapping

import torch

from maskstream_model.part_values import check_names, float_bytes, floats_from
from maskstream_model.query_slots.facts import slots_from_part, slots_to_part
from maskstream_model.track_rows import FACTS
from maskstream_model.videomt.config import VideomtConfig
from maskstream_model.videomt.state import VideomtState

SCHEMA = 1
QUERIES, LOGIT_SUMS = "queries", "logit_sums"


def state_to_parts(state: VideomtState, fingerprint: str) -> dict[str, bytes]:
    """Return `state` as parts, to be read by the model with this fingerprint."""
    rows = state.living.to(state.logit_sums.device)
    return {
        FACTS: slots_to_part(state, SCHEMA, fingerprint),
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
    network, most = config.network, config.online.max_missed_frames
    count, width = network.num_queries, config.num_classes + 1
    slots, _ = slots_from_part(parts[FACTS], count, SCHEMA, fingerprint, most, max_tracks)
    living = slots.living
    queries = floats_from(parts, QUERIES, (count, network.width))
    sums = floats_from(parts, LOGIT_SUMS, (int(living.sum()), width))
    logit_sums = torch.zeros(count, width)
    logit_sums[living] = torch.from_numpy(sums.copy())
    return VideomtState(
        **vars(slots),
        queries=torch.from_numpy(queries.copy()).to(device),
        logit_sums=logit_sums.to(device),
    )
