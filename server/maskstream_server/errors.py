"""Errors of the server, and the one place that turns any exception into an answer.

MaskstreamServerError(Exception)      the text is one sentence for the operator
├── SettingsError                     a setting that cannot be; names the variable
├── StartError                        the server cannot start here (port, model, store)
└── MediaError                        a video that cannot be read; its text is for whoever sent it

maskstream_protocol.errors.WireError  what clients are told: code, HTTP status, close code,
                                      retry; raised as such wherever a client is to blame
"""

import structlog

from maskstream_media.refusal import MediaCode
from maskstream_protocol.errors import InternalError, ServerFullError, WireError
from maskstream_server.stores.errors import StoreFullError, StoreUnreachableError

RETRY_AFTER_MS = 5000
NO_DETAIL = "The server made a mistake; it has been logged."


class MaskstreamServerError(Exception):
    """Root of the errors that the server's commands raise on purpose."""


class SettingsError(MaskstreamServerError):
    """A setting that cannot be used."""


class StartError(MaskstreamServerError):
    """Something outside the settings keeps the server from starting."""


class MediaError(MaskstreamServerError):
    """A video that cannot be read, or not to its end.

    Attributes:
        code: what is wrong, for programs.
        message: the same for people, one sentence without names of files.
    """

    def __init__(self, code: MediaCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """Status of the problem document where a REST route answers with this error."""
        return 413 if self.code in (MediaCode.TOO_LARGE, MediaCode.TOO_LONG) else 422


def answer_to(error: BaseException, sequence: int | None = None) -> WireError:
    """Return what a client is told of `error`; unknown ones are logged and told without detail.

    A store without room, or out of reach when a session begins, is a full server: try again.
    """
    if isinstance(error, WireError):
        return error
    log = structlog.get_logger(__name__)
    if isinstance(error, StoreFullError | StoreUnreachableError):
        log.warning("no_new_sessions", reason=str(error))
        why = "is full" if isinstance(error, StoreFullError) else "cannot be reached"
        return ServerFullError(
            f"No new sessions just now: the server's store {why}.", retry_after_ms=RETRY_AFTER_MS
        )
    log.error("unexpected_error", sequence=sequence, exc_info=error)
    return InternalError(NO_DETAIL, sequence=sequence)
