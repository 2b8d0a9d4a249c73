"""Keeps leases alive from a thread of its own, which never runs torch.

A renewal that waits behind a busy interpreter or event loop is the classic false death.
"""

import logging
import threading
from collections.abc import Callable

from maskstream_server.errors import StoreUnreachableError
from maskstream_server.stores.interface import Lease, LeaseRenewer

log = logging.getLogger(__name__)


class LeaseKeeper:
    """Renews what it holds every `interval_s`.

    Args:
        renewer: of the store; closed with the keeper.
        interval_s: a quarter of the lease's time is a good one.
        lost: told once of each lease that another server has taken; on the keeper's thread.
    """

    def __init__(
        self, renewer: LeaseRenewer, interval_s: float, lost: Callable[[Lease], None]
    ) -> None:
        self._renewer = renewer
        self._interval_s = interval_s
        self._lost = lost
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._thread.start()

    def hold(self, lease: Lease) -> None:
        """Keep this lease alive from now on, in place of an older one of its session."""
        with self._lock:
            self._held[lease.session] = lease

    def drop(self, lease: Lease) -> bool:
        """Keep it no longer (released, deleted or lost); False where it was not kept."""
        with self._lock:
            is_held = self._held.get(lease.session) == lease
            if is_held:
                del self._held[lease.session]
        return is_held

    def renew_now(self) -> None:
        """Renew all leases once; while the store is away they are left for the next time."""
        with self._lock:
            held = list(self._held.values())
        try:
            lost = self._renewer.renew(held) if held else []
        except StoreUnreachableError:
            return
        for lease in lost:
            if self.drop(lease):  # else a newer one has come meanwhile
                self._lost(lease)

    def close(self) -> None:
        """End the thread; leases are left to run out, or to be released."""
        self._closing.set()
        self._thread.join()
        self._renewer.close()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            try:
                self.renew_now()
            except Exception:  # one failure must not let all leases run out
                log.exception("renewal_failed")
