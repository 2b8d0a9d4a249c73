"""The memory of a video that is refined, as named parts, and back.

tracker/...   the online model's, before the first frame of the next window
previous      float32 `(Q, C)`: segment embeddings in the order of the naive sequences
windows       JSON: where the next window begins, what is decided, votes and ids of the rows
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from maskstream_model.config import ModelConfig
from maskstream_model.daq.refined_tracks import ClassVote, RefinedTrack, RefinedTracks
from maskstream_model.errors import StateError
from maskstream_model.part_values import check_consistent, floats_from

TRACKER = "tracker/"
PREVIOUS = "previous"
WINDOWS = "windows"
SCHEMA = 2


@dataclass(frozen=True)
class WindowMemory:
    """Where windows stand.

    Attributes:
        first: frames before the next window.
        decided: frames with results.
        tracks: state of the tracks after the windows so far.
    """

    first: int
    decided: int
    tracks: RefinedTracks

    def to_part(self) -> bytes:
        """Return JSON text."""
        rows = [
            [row, track.vote.weighted.tolist(), track.vote.num_frames, track.track_id, track.birth]
            for row, track in self.tracks.rows.items()
        ]
        fields = {
            "schema": SCHEMA,
            "first": self.first,
            "decided": self.decided,
            "next_track_id": self.tracks.next_track_id,
            "rows": rows,
        }
        return json.dumps(fields, separators=(",", ":")).encode()


def window_memory(parts: Mapping[str, bytes], config: ModelConfig) -> WindowMemory:
    """Read what `WindowMemory.to_part` wrote.

    Raises:
        StateError: the part is missing or damaged.
    """
    try:
        fields = json.loads(parts[WINDOWS])
        if fields["schema"] != SCHEMA:
            raise StateError(f"windows have schema {fields['schema']}, this version reads {SCHEMA}")
        rows = {_count(row, -(2**31)): _track(*rest) for row, *rest in fields["rows"]}
        tracks = RefinedTracks(rows, _count(fields["next_track_id"], 1))
        memory = WindowMemory(_count(fields["first"]), _count(fields["decided"]), tracks)
    except KeyError as error:
        raise StateError(f"state lacks {error.args[0]}") from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise StateError(f"windows are damaged: {error}") from error
    _check(memory, config)
    return memory


def _track(
    weighted: list[float], num_frames: int, track_id: int | None, birth: int
) -> RefinedTrack:
    vote = ClassVote(np.array(weighted, np.float32), _count(num_frames, 1))
    return RefinedTrack(vote, None if track_id is None else _count(track_id, 1), _count(birth))


def _count(value: object, least: int = 0) -> int:
    if type(value) is not int or not least <= value < 2**62:
        raise ValueError(f"{value!r} is no count")
    return value


def _check(memory: WindowMemory, config: ModelConfig) -> None:
    """Check that ids, frames and votes are consistent with one another."""
    tracks = memory.tracks.rows.values()
    ids = [track.track_id for track in tracks if track.track_id is not None]
    rules = {
        "windows begin before what is decided ends": memory.first <= memory.decided,
        "track ids are given once": len(set(ids)) == len(ids),
        "track ids are below the next one": max(ids, default=0) < memory.tracks.next_track_id,
        "votes count decided frames, and one number for each class": all(
            track.vote.weighted.shape == (config.num_classes,)
            and np.isfinite(track.vote.weighted).all()
            and (track.vote.weighted >= 0).all()
            and max(track.vote.num_frames, track.birth) <= memory.decided
            for track in tracks
        ),
    }
    check_consistent(rules, len(tracks), None)


def previous_from_parts(parts: Mapping[str, bytes], config: ModelConfig) -> Tensor:
    """Read the embeddings in the order of the naive sequences.

    Raises:
        StateError: they have another length, or numbers that are not finite.
    """
    shape = (config.segmenter.num_queries, config.segmenter.hidden_dim)
    return torch.from_numpy(floats_from(parts, PREVIOUS, shape).copy())
