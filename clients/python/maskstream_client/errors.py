"""What can go wrong at a client.

Exception
├── maskstream_protocol.errors.WireError   the server refused something: one class per wire code
└── MaskstreamError
    ├── ConnectionFailedError              no server there, or lost for longer than agreed
    ├── SourceError                        no video can be read from the source
    ├── OutputError                        the annotated video cannot be written
    └── UnreadResultsError                 frames are sent while nobody reads the results
"""


class MaskstreamError(Exception):
    """Root of the client's own errors; each message is one clear sentence."""


class ConnectionFailedError(MaskstreamError):
    """No server answers, or the connection was lost for longer than agreed."""


class SourceError(MaskstreamError):
    """A source that is no video, cannot be opened, or has no frame."""


class OutputError(MaskstreamError):
    """A file that cannot be written."""


class UnreadResultsError(MaskstreamError):
    """Frames go on being sent while nobody reads the results."""
