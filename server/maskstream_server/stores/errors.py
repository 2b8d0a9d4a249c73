"""What stores raise.

StoreError(Exception)
├── StoreAway      cannot be reached, or cannot write now; the same call may work later
├── StoreFull      no room for new sessions; old ones live on
└── SessionExists  `create` for a session that somebody else has created
"""


class StoreError(Exception):
    """Root of the errors of every store; the text is for operators, never for clients."""


class StoreAway(StoreError):  # noqa: N818
    """The store cannot be reached, is loading, read-only or out of memory."""


class StoreFull(StoreError):  # noqa: N818
    """The store has no room for another session."""


class SessionExists(StoreError):  # noqa: N818
    """A session of this name is there already, under another token."""
