"""What a session remembers beside the tracker's state, as bytes for the store and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from maskstream_server.session.state_rings import RingError, join_rings, split_rings

TRACKER_PREFIX = "tracker/"
SESSION_PART = "session"
SCHEMA = 2


class MemoryDamagedError(Exception):
    """The stored part cannot be read: the session's memory is lost."""


@dataclass(frozen=True)
class SessionMemory:
    """The settled memory of a session: everything up to `sequence` is answered or dropped.

    Attributes:
        epoch: from 1, one more with each reset.
        sequence: last settled frame, 0 for none.
        last_result: last frame of the session that had a result, 0 for none.
        epoch_began: whether a result of this epoch has gone out.
        mentioned: tracks that the client knows and that have not disappeared.
        snapshot: the tracker's state as bytes; None where the epoch has seen nothing.
        fingerprint: of the model that made the state.
    """

    epoch: int = 1
    sequence: int = 0
    last_result: int = 0
    epoch_began: bool = False
    mentioned: frozenset[int] = frozenset()
    snapshot: bytes | None = None
    fingerprint: str = ""

    def to_parts(self) -> dict[str, bytes]:
        """Return the named parts of which a commit writes those that have changed."""
        fields = {
            "schema": SCHEMA,
            "fingerprint": self.fingerprint,
            "last_result": self.last_result,
            "epoch_began": self.epoch_began,
            "mentioned": sorted(self.mentioned),
        }
        parts = {SESSION_PART: json.dumps(fields, separators=(",", ":")).encode()}
        if self.snapshot is not None:
            split = split_rings(self.snapshot)
            parts |= {TRACKER_PREFIX + name: blob for name, blob in split.items()}
        return parts


def read_memory(
    epoch: int, sequence: int, parts: Mapping[str, bytes], fingerprint: str
) -> SessionMemory:
    """Read what `to_parts` wrote; no parts at all are a session that has committed nothing.

    `fingerprint` is that of the model which would then begin.

    Raises:
        MemoryDamagedError: a part is missing, unreadable, or of another schema.
    """
    if not parts:
        return SessionMemory(epoch, sequence, sequence, fingerprint=fingerprint)
    try:
        fields = json.loads(parts[SESSION_PART])
        if fields["schema"] != SCHEMA:
            raise MemoryDamagedError(f"schema {fields['schema']} is not {SCHEMA}")
        return SessionMemory(
            epoch=epoch,
            sequence=sequence,
            last_result=int(fields["last_result"]),
            epoch_began=bool(fields["epoch_began"]),
            mentioned=frozenset(int(track) for track in fields["mentioned"]),
            snapshot=_snapshot(parts),
            fingerprint=str(fields["fingerprint"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MemoryDamagedError(str(error)) from error


def _snapshot(parts: Mapping[str, bytes]) -> bytes | None:
    split = {
        name.removeprefix(TRACKER_PREFIX): blob
        for name, blob in parts.items()
        if name.startswith(TRACKER_PREFIX)
    }
    try:
        return join_rings(split) if split else None
    except RingError as error:
        raise MemoryDamagedError(str(error)) from error
