"""Commits of one session, off the critical path: in order, merged when late, retried when away.

Memories come whole; of each, only the parts are written that the last one had not.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from maskstream_server.errors import (
    SessionExistsError,
    StoreFullError,
    StoreUnreachableError,
)
from maskstream_server.stores.interface import (
    MAX_DELIVERIES,
    Commit,
    CommitOutcome,
    Lease,
    SessionStore,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CommitEvents:
    """What the committer reports; called on the event loop, must return at once.

    Attributes:
        written: so many bytes of memory and results have gone to the store.
        durable: everything up to this epoch and sequence is durable.
        away: commits have stopped working (once, until `back`).
        back: commits work again.
        lost: the session is another server's now; nothing more will be committed.
        recreated: the store had lost the session (emptied, or away for longer than its life) and
            gets it again, under this lease.
        behind: how many commits are not done yet, each that was merged into another counted too.
    """

    written: Callable[[int], None]
    durable: Callable[[int, int], None]
    away: Callable[[StoreUnreachableError], None]
    back: Callable[[], None]
    lost: Callable[[CommitOutcome], None]
    recreated: Callable[[Lease], None]
    behind: Callable[[int], None] = lambda num_commits: None


class Committer:
    """Takes commits with `offer`, which never waits; one is under way at a time.

    Commits that wait are merged: newest memory, all results, so that a slow or absent store costs
    bounded memory (results up to `keep_after` are forgotten).

    Args:
        store: where to.
        token_hash: the session's newest, to create it again where the store has lost it.
        events: see there.
        retry_s: pause between tries while the store is away.
    """

    def __init__(
        self, store: SessionStore, token_hash: str, events: CommitEvents, retry_s: float = 0.5
    ) -> None:
        self._store = store
        self._token_hash = token_hash
        self._events = events
        self._retry_s = retry_s
        self._pending: Commit | None = None
        # What the store is known to hold; None until the first commit, and after any doubt.
        self._held: Commit | None = None
        # Commits that are merged in `_pending`, and in the one under way.
        self._num_waiting = self._num_under_way = 0
        self._lease: Lease | None = None
        self._is_away = False
        self._is_lost = False
        self._task: asyncio.Task[None] | None = None

    def offer(self, commit: Commit) -> None:
        """Queue a commit of a whole memory; call it in the order of sequences."""
        if self._is_lost:
            return
        self._pending = commit if self._pending is None else merge(self._pending, commit)
        self._count(waiting=self._num_waiting + 1, under_way=self._num_under_way)
        if self._task is None or self._task.done():
            # A task of the committer: a cancelled caller of `flush` does not cancel it.
            self._task = asyncio.create_task(self._run())

    async def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is pending; False where that failed, by time or permanently."""
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=timeout_s)
            if not done or self._task.cancelled():
                return False
            self._task.result()
        return not self._is_lost

    async def close(self, timeout_s: float) -> bool:
        """Flush, then stop trying; True where everything was committed."""
        try:
            return await self.flush(timeout_s)
        finally:
            if self._task is not None:
                self._task.cancel()

    async def _run(self) -> None:
        while self._pending is not None:
            commit, self._pending = self._pending, None
            self._count(waiting=0, under_way=self._num_waiting)
            try:
                await self._commit(self._leased(commit))
                self._count(waiting=self._num_waiting, under_way=0)
            except StoreUnreachableError as error:
                await self._wait_for_store(commit, error)
            except Exception as error:
                # A mistake of ours or the store's must not end commits silently.
                log.exception("commit_failed")
                await self._wait_for_store(commit, StoreUnreachableError(repr(error)))

    async def _wait_for_store(self, commit: Commit, error: StoreUnreachableError) -> None:
        self._put_back(commit)
        if not self._is_away:
            self._is_away = True
            self._events.away(error)
        await asyncio.sleep(self._retry_s)

    async def _commit(self, commit: Commit) -> None:
        change = commit if self._held is None else changed(self._held, commit)
        outcome = await self._write(change)
        if outcome is CommitOutcome.BASE_DIFFERS:
            outcome = await self._write(commit)
        if outcome is CommitOutcome.MISSING:
            outcome = await self._recreate(commit)
        self._held = commit if outcome is CommitOutcome.COMMITTED else None
        self._report_back()
        if outcome in (CommitOutcome.COMMITTED, CommitOutcome.REPEATED):
            self._events.durable(commit.epoch, commit.sequence)
        else:
            self._is_lost, self._pending, self._num_waiting = True, None, 0
            self._events.lost(outcome)

    async def _recreate(self, commit: Commit) -> CommitOutcome:
        """Create the session anew and commit."""
        lease = replace(commit.lease, fence=commit.lease.fence + 1)
        # Noted before it is known to be there: where the store's answer is lost, the next try
        # must not come under the old fence.
        self._lease = lease
        self._events.recreated(lease)
        try:
            await self._store.create(lease.session, lease.owner, self._token_hash, lease.fence)
        except StoreFullError as error:  # old sessions continue: there may be space later
            raise StoreUnreachableError(str(error)) from error
        except SessionExistsError:
            return CommitOutcome.MISSING
        return await self._write(replace(commit, lease=lease))

    async def _write(self, commit: Commit) -> CommitOutcome:
        outcome = await self._store.commit(commit)
        if outcome is CommitOutcome.COMMITTED:
            self._events.written(commit.num_bytes)
        return outcome

    def _leased(self, commit: Commit) -> Commit:
        """Return the commit under the newest lease that this committer knows of."""
        if self._lease is None or self._lease.fence <= commit.lease.fence:
            return commit
        return replace(commit, lease=self._lease)

    def _put_back(self, commit: Commit) -> None:
        newer = self._pending
        self._pending = commit if newer is None else merge(commit, newer)
        self._count(waiting=self._num_waiting + self._num_under_way, under_way=0)

    def _count(self, waiting: int, under_way: int) -> None:
        self._num_waiting, self._num_under_way = waiting, under_way
        self._events.behind(waiting + under_way)

    def _report_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._events.back()


def merge(older: Commit, newer: Commit) -> Commit:
    """Return one commit of a whole memory that leaves the store as `older` and `newer` would."""
    results = tuple(
        item for item in older.results + newer.results if item.sequence > newer.keep_after
    )
    deliveries = (older.deliveries + newer.deliveries)[-MAX_DELIVERIES:]
    return replace(newer, results=results, deliveries=deliveries)


def changed(held: Commit, commit: Commit) -> Commit:
    """Return a commit that makes the memory of `held` that of `commit` with the fewest bytes.

    Another epoch is another memory: it is written whole.
    """
    if commit.epoch != held.epoch:
        return commit
    parts = {name: blob for name, blob in commit.parts.items() if held.parts.get(name) != blob}
    removed = tuple(name for name in held.parts if name not in commit.parts)
    return replace(commit, base_sequence=held.sequence, parts=parts, removed=removed, whole=False)
