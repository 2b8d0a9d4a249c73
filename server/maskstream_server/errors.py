"""Every error that the server raises on purpose, and how each is answered.

Wire errors (`maskstream_protocol.errors`) travel as they are. All others carry a code and an HTTP
status for problem documents, and a wire error for streams; `internal` is answered without detail,
like any exception that is not listed. Commands end with 1. `error_answers` does all of that.

MaskstreamServerError             internal          500
├── SettingsError                 a setting that cannot be used, for the operator
├── StartError                    what keeps a command from starting, for the operator
├── FencedOutError                another worker has the job now, or it has ended
├── EngineError                   internal          500  (`engine.types`)
├── OutboundError                 fetch_failed      502  the other side does not answer as it should
│   └── AddressRefusedError       address_refused   403  the server may not go there
├── MediaError                    video_*           422  or 413; a video that cannot be read
├── JobFailedError                job_failed        422  the reason in a job's record
├── UnknownSessionError           not_found         404  session_unknown on the wire
├── BadStateError                 unprocessable_entity   422  bytes that are no memory of this model
├── StoreError                    internal          500
│   ├── StoreUnreachableError     store_away        503  server_full on the wire
│   │   └── StoreForbiddenError   its user lacks a right, until an operator gives it
│   ├── StoreFullError            server_full       503  no new sessions; old ones live on
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


class MaskstreamServerError(Exception):
    """Root of the errors that the server raises on purpose; `str` is one sentence.

    Attributes:
        sentence: of the error's data (`args`); for operators where clients have texts of their own.
        code, http_status, detail_text: of the problem document; `internal` has no detail.
        wire, wire_text: how a stream is told: wire code, close code, whether to try again.
    """

    sentence: ClassVar[str] = "{0}"
    code: str = InternalError.code
    http_status: int = InternalError.http_status
    detail_text: ClassVar[str] = ""
    wire: ClassVar[type[WireError]] = InternalError
    wire_text: ClassVar[str] = ""

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


class StartError(MaskstreamServerError):
    """What keeps a command from starting (port, model, store)."""


class FencedOutError(MaskstreamServerError):
    """Another worker has the video now, or it has ended; nothing was written."""


class OutboundError(MaskstreamServerError):
    """The other side cannot be reached, or does not do as it should."""

    code, http_status = "fetch_failed", 502


class AddressRefusedError(OutboundError):
    """The operator does not let the server go to an address."""

    code, http_status = "address_refused", 403


class MediaError(MaskstreamServerError):
    """A video that cannot be read, or not to its end.

    Attributes:
        code: a `maskstream_media.refusal.MediaCode`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.http_status = 413 if code in ("video_too_large", "video_too_long") else 422


class JobFailedError(MaskstreamServerError):
    """A whole video that cannot be processed: the reason in its record."""

    code, http_status = "job_failed", 422


class UnknownSessionError(MaskstreamServerError):
    """There is no session of that name."""

    wire, code, http_status = SessionUnknownError, "not_found", 404
    sentence = "There is no session {0!r}."


class BadStateError(MaskstreamServerError):
    """Bytes that are no memory of this model, or too large a one."""

    code, http_status = "unprocessable_entity", 422


class StoreError(MaskstreamServerError):
    """Root of the errors of every store; `str` is for operators, never for clients."""


class StoreUnreachableError(StoreError):
    """It cannot be reached, is loading, read-only or out of memory; try again."""

    wire, code, http_status = ServerFullError, "store_away", 503
    detail_text = "The server's store is away; try again."
    wire_text = "No new sessions just now: the server's store cannot be reached."


class StoreForbiddenError(StoreUnreachableError):
    """Its user may not do this, or does not exist (password, ACL)."""


class StoreFullError(StoreError):
    """It takes no other session now; old ones live on."""

    wire, code, http_status = ServerFullError, "server_full", 503
    detail_text = "No new sessions just now: the server's store is full."


class SessionExistsError(StoreError):
    """A session of this name is there already, under another token."""

    code, http_status = "conflict", 409
    sentence = "There is a session {0!r} already."
    detail_text = "There is a session of this name; choose another."


class SessionUnreadableError(StoreError):
    """What is stored under a session's name is damaged, or none of ours; `discard` removes it."""

    wire, code, http_status = SessionUnknownError, "conflict", 409
    sentence = "What is stored of the session {0!r} cannot be read."


class VideoError(MaskstreamServerError):
    """Root of what is wrong with a whole video or its upload."""

    code, http_status = "bad_request", 400


class VideoUnknownError(VideoError):
    """Never there, deleted, or gone after its retention time."""

    code, http_status = "video_unknown", 404
    sentence = "There is no video {0!r} here."


class RecordUnreadableError(VideoError):
    """The record is damaged, or of a later version; the data is the video's id and why."""

    code, http_status = "video_unreadable", 409
    sentence = (
        "The record of the video {0!r} cannot be read here ({1}); "
        "a server of the version that wrote it can, and DELETE removes it."
    )

    @property
    def reason(self) -> str:
        """What is wrong with it, without a full stop."""
        return str(self.args[1])


class BadOptionsError(VideoError):
    """Options that cannot be used."""

    code, http_status = "bad_options", 422


class NotOfModelError(VideoError):
    """Options that another model could fulfil."""

    code, http_status = "not_of_model", 400


class BadUploadError(VideoError):
    """The body is no multipart form with a file in it."""

    code, http_status = "bad_upload", 400


class UploadTooLargeError(VideoError):
    """The file is larger than the operator allows."""

    code, http_status = "upload_too_large", 413


class UploadUnknownError(VideoError):
    """Never there, ended, made a video of, or expired."""

    code, http_status = "upload_unknown", 404
    sentence = "There is no upload {0!r} here."


class OffsetError(VideoError):
    """A part that does not begin where the upload ends."""

    code, http_status = "offset_mismatch", 409


class UnfinishedError(VideoError):
    """An upload that has not all come in yet."""

    code, http_status = "upload_unfinished", 409


class TusVersionError(VideoError):
    """The client speaks another version of the tus protocol, or none."""

    code, http_status = "tus_version", 412


class PartTypeError(VideoError):
    """A part of an upload with another content type."""

    code, http_status = "part_type", 415


class NoSpaceError(VideoError):
    """The upload would fill the disk, or the folder's quota."""

    code, http_status = "no_space", 507


class NotReadyError(VideoError):
    """The video has no file of this name, or not yet."""

    code, http_status = "not_ready", 404


class FileGoneError(VideoError):
    """A file that the record of the video counts was removed by somebody else."""

    code, http_status = "file_gone", 410
    sentence = "The server has lost {0}; hand the video in again to have it made anew."


class VideosOffError(VideoError):
    """The operator has given videos no place."""

    code, http_status = "videos_off", 503


class FolderAwayError(VideoError):
    """The folder of videos is gone, read-only, or broken; the data is why."""

    code, http_status = "folder_away", 503
    sentence = (
        "The server's folder of videos cannot be used now ({0}); its operator must bring it back."
    )


class MismatchError(VideoError):
    """Records and files of videos do not belong together; see `ownership`."""

    code, http_status = "videos_mismatch", 503
    sentence = (
        "The server's records and files of videos do not belong together, so it takes none; "
        "its operator sees why in /readyz and with `maskstream doctor`."
    )
