"""What stores raise.

StoreError(Exception)
├── StoreUnreachableError  cannot be reached, or cannot write now; the same call may work later
│   └── StoreForbiddenError  does not let our user in, or not do this, until an operator does
├── StoreFullError         no room for new sessions; old ones live on
├── DamagedKeyError        a key holds something else than we write there
├── SessionExistsError     `create` for a session that somebody else has created
└── SessionUnreadableError what is stored of a session is damaged, or none of ours
"""


class StoreError(Exception):
    """Root of the errors of every store; the text is for operators, never for clients."""


class StoreUnreachableError(StoreError):
    """The store cannot be reached, is loading, read-only or out of memory."""


class StoreForbiddenError(StoreUnreachableError):
    """The store's user may not do this, or does not exist (password, ACL)."""


class StoreFullError(StoreError):
    """The store has no room for another session."""


class DamagedKeyError(StoreError):
    """A key of the store holds something else than we write there."""


class SessionExistsError(StoreError):
    """A session of this name is there already, under another token."""


class SessionUnreadableError(StoreError):
    """What is stored under a session's name cannot be read; `discard` removes it."""

    def __init__(self, session: str) -> None:
        super().__init__(f"What is stored of the session {session!r} cannot be read.")
