"""Every error that the server raises on purpose, and how each is answered.

Wire errors (`maskstream_protocol.errors`) travel as they are. All others carry a code and an HTTP
status for problem documents, and a wire error for streams; `internal` is answered without detail,
like any exception that is not listed. A command ends with 1, or the class's own exit code.
`error_answers` implements this.

MaskstreamServerError             internal          500
├── SettingsError                 exit code 2: a setting that cannot be used, for the operator
├── StartError                    what keeps a command from starting, for the operator
├── FencedOutError                another worker has the job now, or it has ended
├── EngineError                   internal          500
│   ├── EngineFullError           the queue is at its bound
│   ├── EngineStoppedError        the engine accepts no frames: not started, stopping or stopped
│   └── StepFailedError           the model failed on these frames; the state is as it was
├── OutboundError                 fetch_failed      502  the other side does not answer as it should
│   └── AddressRefusedError       address_refused   403  the server may not go there
├── MediaError                    video_*           422  or 413; a video that cannot be read
├── JobFailedError                job_failed        422  the reason in a job's record
├── UnknownSessionError           not_found         404  session_unknown on the wire
├── BadStateError                 unprocessable_entity   422  bytes that are no memory of this model
├── StoreError                    internal          500
│   ├── StoreUnreachableError     store_away        503  server_full on the wire; exit code 3
│   │   └── StoreForbiddenError   its user lacks a right, until an operator gives it
│   ├── StoreFullError            server_full       503  no new sessions; old ones live on
│   ├── DamagedKeyError           a key holds something else than we write there
│   ├── SessionExistsError        conflict          409
│   └── SessionUnreadableError    conflict          409  session_unknown on the wire
└── VideoError                    bad_request       400
    ├── 400: NotOfModelError, BadUploadError
    ├── 404: VideoUnknownError, UploadUnknownError, NotReadyError
    ├── 409: RecordUnreadableError, OffsetError, UnfinishedError
    ├── 410, 412, 413, 415: FileGoneError, TusVersionError, UploadTooLargeError, PartTypeError
    ├── 422: BadOptionsError
    ├── 503: VideosOffError, FolderAwayError, MismatchError
    └── 507: NoSpaceError
"""

from typing import ClassVar

from maskstream_protocol.errors import (
    InternalError,
    ServerFullError,
    SessionUnknownError,
    WireError,
)

RETRY_AFTER_MS = 5000


class MaskstreamServerError(Exception):
    """Root of the errors that the server raises on purpose; `str` is one sentence.

    Attributes:
        sentence: of the error's data (`args`); for operators where clients have texts of their own.
        code, http_status, detail_text: of the problem document; `internal` has no detail.
        wire, wire_text: on the wire: code, close code, and whether to retry.
        exit_code: of a command that ends with it (docs/clients.md).
    """

    sentence: ClassVar[str] = "{0}"
    code: str = InternalError.code
    http_status: int = InternalError.http_status
    detail_text: ClassVar[str] = ""
    wire: ClassVar[type[WireError]] = InternalError
    wire_text: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init_subclass__(
        cls,
        code: str | None = None,
        http_status: int | None = None,
        wire: type[WireError] | None = None,
    ) -> None:
        cls.code = code or cls.code
        cls.http_status = http_status or cls.http_status
        cls.wire = wire or cls.wire

    def __str__(self) -> str:
        return self.sentence.format(*self.args)

    @property
    def detail(self) -> str:
        """The sentence of the problem document, and the reason of a job that failed."""
        return self.detail_text or str(self)

    @property
    def message(self) -> str:
        """The sentence of the wire error."""
        return self.wire_text or self.detail

    @property
    def public(self) -> bool:
        """Whether clients may read what went wrong."""
        return self.code != InternalError.code


class SettingsError(MaskstreamServerError):
    """A setting that cannot be used; names the variable."""

    exit_code = 2


class StartError(MaskstreamServerError):
    """What keeps a command from starting (port, model, store)."""


class FencedOutError(MaskstreamServerError):
    """Another worker has the video now, or it has ended; nothing was written."""


class EngineError(MaskstreamServerError):
    """Root of the engine's errors."""


class EngineFullError(EngineError):
    """More frames wait than the engine's queue may hold."""


class EngineStoppedError(EngineError):
    """The engine accepts no frames now."""


class StepFailedError(EngineError):
    """The model raised on these frames, also when they were alone; the cause is chained."""


class OutboundError(MaskstreamServerError, code="fetch_failed", http_status=502):
    """The other side cannot be reached, or does not do as it should."""


class AddressRefusedError(OutboundError, code="address_refused", http_status=403):
    """The operator does not let the server go to an address."""


class MediaError(MaskstreamServerError):
    """A video that cannot be read, or not to its end.

    Attributes:
        code: a `maskstream_media.refusal.MediaCode`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.http_status = 413 if code in ("video_too_large", "video_too_long") else 422


class JobFailedError(MaskstreamServerError, code="job_failed", http_status=422):
    """A whole video that cannot be processed: the reason in its record."""


class UnknownSessionError(
    MaskstreamServerError, code="not_found", http_status=404, wire=SessionUnknownError
):
    """There is no session of that name."""

    sentence = "There is no session {0!r}."


class BadStateError(MaskstreamServerError, code="unprocessable_entity", http_status=422):
    """Bytes that are no memory of this model, or too large a one."""


class StoreError(MaskstreamServerError):
    """Root of the errors of every store; `str` is for operators, never for clients."""


class StoreUnreachableError(StoreError, code="store_away", http_status=503, wire=ServerFullError):
    """It cannot be reached, is loading, read-only or out of memory; try again."""

    detail_text = "The server's store is away; try again."
    wire_text = "No new sessions just now: the server's store cannot be reached."
    exit_code = 3


class StoreForbiddenError(StoreUnreachableError):
    """Its user may not do this, or does not exist (password, ACL)."""


class StoreFullError(StoreError, code="server_full", http_status=503, wire=ServerFullError):
    """It takes no other session now; old ones live on."""

    detail_text = "No new sessions just now: the server's store is full."


class DamagedKeyError(StoreError):
    """A key of the store holds something else than we write there."""


class SessionExistsError(StoreError, code="conflict", http_status=409):
    """A session of this name is there already, under another token."""

    sentence = "There is a session {0!r} already."
    detail_text = "There is a session of this name; choose another."


class SessionUnreadableError(
    StoreError, code="conflict", http_status=409, wire=SessionUnknownError
):
    """What is stored under a session's name is damaged, or none of ours; `discard` removes it."""

    sentence = "What is stored of the session {0!r} cannot be read."


class VideoError(MaskstreamServerError, code="bad_request", http_status=400):
    """Root of what is wrong with a whole video or its upload."""


class VideoUnknownError(VideoError, code="video_unknown", http_status=404):
    """Never there, deleted, or gone after its retention time."""

    sentence = "There is no video {0!r} here."


class RecordUnreadableError(VideoError, code="video_unreadable", http_status=409):
    """The record is damaged, or of a later version; the data is the video's id and why."""

    sentence = (
        "The record of the video {0!r} cannot be read here ({1}); "
        "a server of the version that wrote it can, and DELETE removes it."
    )

    @property
    def reason(self) -> str:
        """What is wrong with it, without a full stop."""
        return str(self.args[1])


class BadOptionsError(VideoError, code="bad_options", http_status=422):
    """Options that cannot be used."""


class NotOfModelError(VideoError, code="not_of_model", http_status=400):
    """Options that another model could fulfil."""


class BadUploadError(VideoError, code="bad_upload", http_status=400):
    """The body is no multipart form with a file in it."""


class UploadTooLargeError(VideoError, code="upload_too_large", http_status=413):
    """The file is larger than the operator allows."""


class UploadUnknownError(VideoError, code="upload_unknown", http_status=404):
    """Never there, ended, made a video of, or expired."""

    sentence = "There is no upload {0!r} here."


class OffsetError(VideoError, code="offset_mismatch", http_status=409):
    """A part that does not begin where the upload ends."""


class UnfinishedError(VideoError, code="upload_unfinished", http_status=409):
    """An upload that has not all come in yet."""


class TusVersionError(VideoError, code="tus_version", http_status=412):
    """The client speaks another version of the tus protocol, or none."""


class PartTypeError(VideoError, code="part_type", http_status=415):
    """A part of an upload with another content type."""


class NoSpaceError(VideoError, code="no_space", http_status=507):
    """The upload would fill the disk, or the folder's quota."""


class NotReadyError(VideoError, code="not_ready", http_status=404):
    """The video has no file of this name, or not yet."""


class FileGoneError(VideoError, code="file_gone", http_status=410):
    """A file that the record of the video counts was removed from outside."""

    sentence = "The server has lost {0}; hand the video in again to have it made anew."


class VideosOffError(VideoError, code="videos_off", http_status=503):
    """The operator has given videos no place."""


class FolderAwayError(VideoError, code="folder_away", http_status=503):
    """The folder of videos is gone, read-only, or broken; the data is why."""

    sentence = (
        "The server's folder of videos cannot be used now ({0}); its operator must bring it back."
    )


class MismatchError(VideoError, code="videos_mismatch", http_status=503):
    """Records and files of videos do not belong together; see `ownership`."""

    sentence = (
        "The server's records and files of videos do not belong together, so it takes none; "
        "its operator sees why in /readyz and with `maskstream doctor`."
    )
