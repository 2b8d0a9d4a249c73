"""The one place that turns any exception into an answer for streams, HTTP and commands."""

import click
import structlog

from maskstream_protocol.errors import InternalError, WireError
from maskstream_server.errors import RETRY_AFTER_MS, MaskstreamServerError, StoreError

NO_DETAIL = "The server made a mistake; it has been logged."


def wire_error(error: BaseException, sequence: int | None = None) -> WireError:
    """Return the wire error of any exception."""
    if isinstance(error, WireError):
        return error
    if not isinstance(error, MaskstreamServerError) or error.wire is InternalError:
        return _logged(error, sequence)
    if isinstance(error, StoreError):
        structlog.get_logger(__name__).warning("no_new_sessions", reason=str(error))
    retry_after_ms = RETRY_AFTER_MS if error.wire.retry else None
    return error.wire(error.message, sequence=sequence, retry_after_ms=retry_after_ms)


def public_error(error: BaseException) -> WireError | MaskstreamServerError:
    """Return an error whose code and sentence a client of HTTP may read."""
    if isinstance(error, WireError) or (isinstance(error, MaskstreamServerError) and error.public):
        return error
    return _logged(error)


def command_error(error: MaskstreamServerError) -> click.ClickException:
    """Return an exception that ends a command with one sentence and the error's exit code."""
    ended = click.ClickException(str(error))
    vars(ended)["exit_code"] = error.exit_code
    return ended


def _logged(error: BaseException, sequence: int | None = None) -> InternalError:
    """Log an unexpected error with its trace; its answer has no detail of it."""
    structlog.get_logger(__name__).error("unexpected_error", sequence=sequence, exc_info=error)
    return InternalError(NO_DETAIL, sequence=sequence)
