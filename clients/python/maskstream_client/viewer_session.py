"""A session as a viewer sees it, without I/O: what came, and which frames it missed."""

from __future__ import annotations

from collections.abc import Iterable

from maskstream_client import events
from maskstream_client.errors import SessionUnknownError
from maskstream_client.events import Event
from maskstream_protocol import notices
from maskstream_protocol.notices import DropReason, parse_server_message
from maskstream_protocol.results import decode_result


class ViewerSession:
    """What a viewer has seen over any number of connections.

    Frames are counted from 0, as their sender counts them; each that has passed since
    the first connection is reported once: as a result or as dropped.

    Attributes:
        watching: the server's first message on the present connection; None while there is none.
    """

    def __init__(self) -> None:
        self.watching: notices.Watching | None = None
        self._last: int | None = None
        self._epoch = 1

    def connection_lost(self) -> None:
        """The connection ended, however."""
        self.watching = None

    def receive(self, message: str | bytes) -> list[Event]:
        """Take a message of the server; returns what it means to the application.

        Raises:
            ProtocolError: it breaks the protocol.
            WireError, SessionUnknownError: the server does not allow watching this session.
        """
        if isinstance(message, bytes):
            return self._answered(message)
        match parse_server_message(message):
            case notices.Watching() as watching:
                return self._greeted(watching)
            case notices.Drop(first, last, reason):
                return self._dropped(range(first, last + 1), reason)
            case notices.ErrorMessage() as error:
                raise _refusal(error)
        return []

    def _greeted(self, watching: notices.Watching) -> list[Event]:
        self.watching = watching
        if self._last is None:
            self._last, self._epoch = watching.sequence, watching.epoch
        came = events.Watching(watching.session, watching.sequence)
        return [came, *self._missed_before(watching.sequence + 1)]

    def _answered(self, message: bytes) -> list[Event]:
        result = decode_result(message)
        if self._last is None or result.sequence <= self._last:
            return []
        missed = self._missed_before(result.sequence)
        self._last = result.sequence
        answered = events.Answered(result.sequence - 1, result)
        if result.epoch == self._epoch:
            return [*missed, answered]
        # Within one session only its client starts identities over.
        self._epoch = result.epoch
        return [*missed, events.IdentitiesReset(result.epoch, "client"), answered]

    def _missed_before(self, sequence: int) -> list[Event]:
        """Frames that passed without a connection, or got no result."""
        assert self._last is not None
        missed = range(self._last + 1, sequence)
        self._last = max(self._last, sequence - 1)
        return [events.Dropped(each - 1, "lost") for each in missed]

    def _dropped(self, sequences: Iterable[int], reason: DropReason) -> list[Event]:
        last = self._last or 0
        dropped = [sequence for sequence in sequences if sequence > last]
        self._last = max(dropped, default=last)
        return [events.Dropped(sequence - 1, reason) for sequence in dropped]


def _refusal(error: notices.ErrorMessage) -> Exception:
    if error.code == "session_unknown":
        return SessionUnknownError(error.message)
    return error.to_error()
