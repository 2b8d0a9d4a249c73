"""The errors of the client.

Exception
├── maskstream_protocol.errors.WireError   the server refused something: one class per wire code
└── MaskstreamError
    ├── ConnectionFailedError              no server there, or lost for longer than agreed
    │   └── NoServerError                  no Maskstream server answers at that address
    ├── SourceError                        no video can be read from the source
    ├── OutputError                        a file cannot be written
    ├── UnreadResultsError                 results are not read while frames are sent
    ├── SessionUnknownError                there is no session of that name to watch
    ├── RefusedError                       the server answered a request with a refusal
    └── VideoEndedError                    a whole video ended without its results
        ├── VideoFailedError               it cannot be worked on; the reason is the server's
        └── VideoCancelledError            it was cancelled
"""

from __future__ import annotations

from typing import Final

from maskstream_client.video_record import Video
from maskstream_protocol.errors import InternalError, ProtocolError, WireError

FAILED: Final = 1
MISUSED: Final = 2
UNREACHABLE: Final = 3
REFUSED: Final = 4
NOT_FOUND: Final = 5


class MaskstreamError(Exception):
    """Root of the client's own errors; each message is one clear sentence.

    Attributes:
        exit_code: of a command that ends with it (docs/clients.md).
    """

    exit_code: int = FAILED


class ConnectionFailedError(MaskstreamError):
    """No server answers, or the connection was lost for longer than agreed."""

    exit_code = UNREACHABLE


class NoServerError(ConnectionFailedError):
    """No Maskstream server answers at that address."""


class SourceError(MaskstreamError):
    """A source that is no video, cannot be opened, or has no frame."""


class OutputError(MaskstreamError):
    """A file that cannot be written."""


class UnreadResultsError(MaskstreamError):
    """Frames are sent without reading the results."""


class SessionUnknownError(MaskstreamError):
    """There is no session of that name, or it has ended."""

    exit_code = NOT_FOUND


class RefusedError(MaskstreamError):
    """The server answered a request with a refusal that the wire has no code for.

    Attributes:
        status: of HTTP.
        code: the server's, for programs; empty where it gave none.
    """

    def __init__(self, message: str, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.exit_code = NOT_FOUND if status in (404, 410) else REFUSED


class VideoEndedError(MaskstreamError):
    """A whole video ended without its results.

    Attributes:
        video: the latest record of it.
    """

    def __init__(self, message: str, video: Video) -> None:
        super().__init__(message)
        self.video = video


class VideoFailedError(VideoEndedError):
    """The server could not work on the video; the message has its reason."""


class VideoCancelledError(VideoEndedError):
    """The video was cancelled before it was done."""


def exit_code_of(error: Exception) -> int:
    """The exit code of a command that ends with an error; FAILED unless the class has another."""
    match error:
        case MaskstreamError():
            return error.exit_code
        case WireError() if not isinstance(error, InternalError):
            return NOT_FOUND if error.http_status == 404 else REFUSED
        case ValueError() if not isinstance(error, ProtocolError):
            return MISUSED
    return FAILED
