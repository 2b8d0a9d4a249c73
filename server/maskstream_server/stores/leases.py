"""Keeps leases alive from a thread of its own, which never runs torch."""

from collections.abc import Callable

from maskstream_server.stores.interface import Lease, LeaseRenewer


class LeaseKeeper:
    """Renews what it holds every `interval_s`; `lost` is called on the keeper's thread."""

    def __init__(
        self, renewer: LeaseRenewer, interval_s: float, lost: Callable[[Lease], None]
    ) -> None:
        raise NotImplementedError

    def hold(self, lease: Lease) -> None:
        """Keep this lease alive from now on."""
        raise NotImplementedError

    def drop(self, lease: Lease) -> None:
        """Keep it no longer (released, deleted or lost)."""
        raise NotImplementedError

    def close(self) -> None:
        """End the thread."""
        raise NotImplementedError
