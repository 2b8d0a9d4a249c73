"""One session in memory and the rules of its commits: pure, `redis.scripts.COMMIT` in Python."""

from dataclasses import dataclass, field, replace

from maskstream_server.stores.interface import Commit, CommitOutcome, KeptResult, StoredSession


@dataclass
class SessionRecord:
    """One session; `token` is None in the tombstone of a deleted one."""

    fence: int
    token: str | None
    expires_s: float
    previous: str | None = None
    owner: str | None = None
    lease_until_s: float = 0.0
    stored: StoredSession = field(default_factory=StoredSession)
    results: list[KeptResult] = field(default_factory=list)

    @property
    def num_bytes(self) -> int:
        """Bytes of parts and results."""
        parts = sum(len(blob) for blob in self.stored.parts.values())
        return parts + sum(len(result.message) for result in self.results)


def refusal(record: SessionRecord, commit: Commit) -> CommitOutcome | None:
    """Return why a commit must not be written, None where it may be."""
    stored = record.stored
    if commit.lease.fence != record.fence:
        return CommitOutcome.FENCED
    if (commit.epoch, commit.sequence) <= (stored.epoch, stored.sequence):
        return CommitOutcome.REPEATED
    base = (commit.epoch, commit.base_sequence)
    if not commit.whole and base != (stored.epoch, stored.sequence):
        return CommitOutcome.BASE_DIFFERS
    return None


def write(record: SessionRecord, commit: Commit) -> list[KeptResult]:
    """Put a commit's memory and results in the place of what was there; returns the new results."""
    parts = dict(commit.parts if commit.whole else {**record.stored.parts, **commit.parts})
    for name in commit.removed:
        parts.pop(name, None)
    newer = [item for item in commit.results if item.sequence > record.stored.sequence]
    kept = [item for item in record.results + newer if item.sequence > commit.keep_after]
    record.results = kept
    record.stored = replace(
        record.stored, epoch=commit.epoch, sequence=commit.sequence, parts=parts
    )
    return newer
