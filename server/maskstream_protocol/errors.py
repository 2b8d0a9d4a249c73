"""The protocol's errors: wire codes and what follows them (docs/protocol.md 6 and 7).

ProtocolError
├── MalformedResultError    a RESULT that its reader cannot take apart (never on the wire)
└── WireError               one class per code of section 7
    ├── fatal: BadHelloError ModelUnknownError UnauthorizedError ForbiddenError ServerFullError
    │          SessionUnknownError TakenOverError QuotaExceededError
    ├── ignored: BadMessageError FrameHeaderError StaleEpochError SequenceGapError
    │            CreditExceededError RateLimitedError
    ├── dropped: FrameTooLargeError CodecUnsupportedError FrameUndecodableError
    │            NeedKeyframeError InternalError
    └── notice: StoreAwayError
"""

from __future__ import annotations

from enum import Enum
from typing import ClassVar


class Consequence(Enum):
    """What happens to the message that caused an error.

    FATAL: the connection closes with `close_code`. IGNORED: neither sequence nor credit is
    consumed. DROPPED: the sequence is consumed, the credit returned, the memory unchanged, and a
    `drop` follows. NOTICE: nothing is lost.
    """

    FATAL = "fatal"
    IGNORED = "ignored"
    DROPPED = "dropped"
    NOTICE = "notice"


class ProtocolError(Exception):
    """Root of every error of the wire protocol."""


class MalformedResultError(ProtocolError):
    """A RESULT message or a mask in it is not as docs/protocol.md 3 defines it."""


class WireError(ProtocolError):
    """An error that travels as an `error` message.

    Attributes:
        code: the wire code.
        consequence: what happens to the message that caused it.
        close_code: WebSocket close code, at once when fatal, else when it repeats; None: never.
        repeat_limit: how many in a row end the connection; None: any number is borne.
        repeat_code: WebSocket close code of that end; None: `close_code`.
        retry: whether the same may work later.
        http_status: status of the problem document where a REST route answers with this code.
    """

    code: ClassVar[str] = "internal"
    consequence: ClassVar[Consequence] = Consequence.FATAL
    close_code: ClassVar[int | None] = None
    repeat_limit: ClassVar[int | None] = None
    repeat_code: ClassVar[int | None] = None
    retry: ClassVar[bool] = False
    http_status: ClassVar[int] = 400

    def __init__(
        self,
        message: str,
        *,
        sequence: int | None = None,
        expected: int | None = None,
        retry_after_ms: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sequence = sequence
        self.expected = expected
        self.retry_after_ms = retry_after_ms

    @property
    def fatal(self) -> bool:
        """Whether the connection closes at once."""
        return self.consequence is Consequence.FATAL


class BadHelloError(WireError):
    """The first message is not a valid `hello`, or none came in time."""

    code, close_code = "bad_hello", 4400


class ModelUnknownError(WireError):
    """The server has no model of that name."""

    code, close_code, http_status = "model_unknown", 4404, 404


class UnauthorizedError(WireError):
    """No valid credentials."""

    code, close_code, http_status = "unauthorized", 4401, 401


class ForbiddenError(WireError):
    """The origin or a right is missing."""

    code, close_code, http_status = "forbidden", 4403, 403


class ServerFullError(WireError):
    """No free slot; try again after `retry_after_ms`."""

    code, close_code, http_status, retry = "server_full", 1013, 503, True


class SessionUnknownError(WireError):
    """A viewer names a session that is not there."""

    code, close_code, http_status = "session_unknown", 4404, 404


class TakenOverError(WireError):
    """A newer connection holds the session."""

    code, close_code, http_status = "taken_over", 4409, 409


class QuotaExceededError(WireError):
    """The account's quota is used up."""

    code, close_code, http_status = "quota", 4507, 429


class BadMessageError(WireError):
    """Text that is not JSON, or a known type with wrong fields."""

    code, consequence, close_code, repeat_limit = "bad_message", Consequence.IGNORED, 4422, 10


class FrameHeaderError(WireError):
    """Binary shorter than its header, or of an unknown version or kind."""

    code, consequence, close_code, repeat_limit = "frame_header", Consequence.IGNORED, 4422, 10


class StaleEpochError(WireError):
    """The frame names an epoch that is not the current one."""

    code, consequence, http_status = "stale_epoch", Consequence.IGNORED, 409
    close_code, repeat_limit = 4422, 10


class SequenceGapError(WireError):
    """The frame is not the next one; `expected` says which is."""

    code, consequence, http_status = "sequence_gap", Consequence.IGNORED, 409
    close_code, repeat_limit = 4422, 10


class CreditExceededError(WireError):
    """The client sent beyond its credit; the second time closes the connection."""

    code, consequence, close_code, repeat_limit = "credit_exceeded", Consequence.IGNORED, 4429, 2
    http_status = 429


class RateLimitedError(WireError):
    """Too many messages in too short a time; the second time closes the connection."""

    code, consequence, close_code, repeat_limit = "rate_limited", Consequence.IGNORED, 4429, 2
    http_status, retry = 429, True


class FrameTooLargeError(WireError):
    """Bytes or pixels over the limits; over twice the byte limit closes with 4413."""

    code, consequence, close_code = "frame_too_large", Consequence.DROPPED, 4413
    repeat_code, repeat_limit, http_status = 4422, 10, 413


class CodecUnsupportedError(WireError):
    """A codec that was not agreed; 4415 where none of the hello's codecs is known."""

    code, consequence, close_code = "codec_unsupported", Consequence.DROPPED, 4415
    repeat_code, repeat_limit, http_status = 4422, 10, 415


class FrameUndecodableError(WireError):
    """The payload does not decode, or is not of its codec or declared size."""

    code, consequence, http_status = "frame_undecodable", Consequence.DROPPED, 422
    close_code, repeat_limit = 4422, 10


class NeedKeyframeError(WireError):
    """A packet stream cannot be decoded from here."""

    code, consequence, http_status = "need_keyframe", Consequence.DROPPED, 422


class StoreAwayError(WireError):
    """Results continue, not durable, until `store_back`."""

    code, consequence, retry, http_status = "store_away", Consequence.NOTICE, True, 503


class InternalError(WireError):
    """A fault of the server; carries no detail."""

    code, consequence, close_code, repeat_limit = "internal", Consequence.DROPPED, 1011, 3
    retry, http_status = True, 500


def error_class(code: str) -> type[WireError]:
    """The class of a wire code; `WireError` itself for a code of a later version."""
    known: dict[str, type[WireError]] = {each.code: each for each in WireError.__subclasses__()}
    return known.get(code, WireError)
