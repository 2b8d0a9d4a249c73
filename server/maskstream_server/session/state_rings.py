"""A model's memory cut into parts of which a frame changes only a few (design.md section 4): pure.

Most bytes of a memory are rings: each track's last appearances, of which a frame replaces one. In
safetensors they are the tensors of three axes, `(tracks, slots, values)`, and `track_ids` names
the tracks. Every row of a ring becomes a part of its own, named after its track and slot, so that
it is the same part however the rows of tracks move; rows of zeros are left out. Whatever else the
bytes hold is one part. Bytes that are no such file are one part too.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

REST = "rest"
ID_BYTES = 8


class RingError(ValueError):
    """The parts are not what `split_rings` made."""


@dataclass(frozen=True)
class Ring:
    """Where the rows of one tensor lie in the data of a file, and how long each is."""

    name: str
    begin: int
    end: int
    num_slots: int
    row_bytes: int

    def rows(self, tracks: tuple[int, ...]) -> list[str]:
        """Return the names of the rows' parts, in the order of their bytes."""
        slots = range(self.num_slots)
        return [f"{self.name}/{track}/{slot}" for track in tracks for slot in slots]


@dataclass(frozen=True)
class Layout:
    """What a file's header says: where data begins, its rings in order, where its track ids are."""

    data: int
    rings: tuple[Ring, ...]
    ids: tuple[int, int]


def split_rings(blob: bytes) -> dict[str, bytes]:
    """Return parts that `join_rings` makes the same bytes of."""
    layout = _layout(blob)
    if layout is None:
        return {REST: blob}
    parts: dict[str, bytes] = {}
    rest, at = [], 0
    tracks = _track_ids(blob, layout.data + layout.ids[0], layout.data + layout.ids[1])
    for ring in layout.rings:
        begin = layout.data + ring.begin
        rest.append(blob[at:begin])
        at = layout.data + ring.end
        zeros = bytes(ring.row_bytes)
        for index, name in enumerate(ring.rows(tracks)):
            row = blob[begin + index * ring.row_bytes : begin + (index + 1) * ring.row_bytes]
            if row != zeros:
                parts[name] = row
    return {REST: b"".join([*rest, blob[at:]]), **parts}


def count_tracks(blob: bytes) -> int:
    """Return how many tracks a memory has; 0 where it names none."""
    layout = _layout(blob)
    return 0 if layout is None else (layout.ids[1] - layout.ids[0]) // ID_BYTES


def join_rings(parts: Mapping[str, bytes]) -> bytes:
    """Return the bytes that were split.

    Raises:
        RingError: a part is missing, of the wrong length, or belongs to nothing.
    """
    left = dict(parts)
    try:
        rest = left.pop(REST)
    except KeyError:
        raise RingError("the memory lacks its main part") from None
    layout = _layout(rest)
    if layout is None:
        return _nothing_left(rest, left)
    before_ids = [ring for ring in layout.rings if ring.begin < layout.ids[0]]
    shift = layout.data - sum(ring.end - ring.begin for ring in before_ids)
    tracks = _track_ids(rest, layout.ids[0] + shift, layout.ids[1] + shift)
    pieces, at, cut = [], 0, 0
    for ring in layout.rings:
        begin = layout.data + ring.begin - cut
        pieces.append(rest[at:begin])
        at, cut = begin, cut + ring.end - ring.begin
        zeros = bytes(ring.row_bytes)
        rows = [left.pop(name, zeros) for name in ring.rows(tracks)]
        if any(len(row) != ring.row_bytes for row in rows):
            raise RingError(f"a row of {ring.name} has the wrong length")
        pieces += rows
    return _nothing_left(b"".join([*pieces, rest[at:]]), left)


def _nothing_left(blob: bytes, left: Mapping[str, bytes]) -> bytes:
    if left:
        raise RingError(f"the memory has a part {next(iter(left))} that belongs to nothing")
    return blob


def _layout(blob: bytes) -> Layout | None:
    """Read the header of a safetensors file; None where it is none, or names no tracks."""
    try:
        (length,) = struct.unpack_from("<Q", blob)
        header = json.loads(blob[8 : 8 + length])
        begin, end = header["track_ids"]["data_offsets"]
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        rings = [
            _ring(name, entry)
            for name, entry in tensors.items()
            if len(entry["shape"]) == 3 and entry["shape"][0] == (end - begin) // ID_BYTES
        ]
    except (ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None
    found = sorted((ring for ring in rings if ring.end > ring.begin), key=lambda ring: ring.begin)
    return Layout(8 + length, tuple(found), (begin, end))


def _ring(name: str, entry: Mapping[str, list[int]]) -> Ring:
    begin, end = entry["data_offsets"]
    num_tracks, num_slots, _ = entry["shape"]
    return Ring(name, begin, end, num_slots, (end - begin) // max(1, num_tracks * num_slots))


def _track_ids(blob: bytes, begin: int, end: int) -> tuple[int, ...]:
    """Read 64-bit ids.

    Raises:
        RingError: the bytes end before them.
    """
    try:
        return struct.unpack(f"<{(end - begin) // ID_BYTES}q", blob[begin:end])
    except struct.error as error:
        raise RingError(f"the tracks' ids cannot be read: {error}") from error
