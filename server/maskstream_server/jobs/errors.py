"""What goes wrong with whole videos.

Exception
├── FencedOutError         a worker writes a video that is another's now, or ended: it must stop
└── VideoError             answered as a problem document: code, HTTP status, one sentence
    ├── VideoUnknownError      no video of that id (404)
    ├── RecordUnreadableError  the record of a video cannot be read (409)
    ├── BadOptionsError        the options cannot be used (422)
    ├── NotOfModelError        the options ask for what this model cannot do (400)
    ├── BadUploadError         the body is no upload (400)
    ├── UploadTooLargeError    larger than the operator allows (413)
    ├── AddressRefusedError    an address that the server may not go to (403)
    ├── UploadUnknownError     no resumable upload of that id (404)
    ├── OffsetError            a part that does not go on where the upload ends (409)
    ├── UnfinishedError        an upload that has not all come in yet (409)
    ├── TusVersionError        another version of the tus protocol (412)
    ├── PartTypeError          a part of an upload with another content type (415)
    ├── NoSpaceError           the disk or its quota has no room (507)
    ├── NotReadyError          the video has no such file, or not yet (404)
    ├── FileGoneError          a file that the video had is lost (410)
    ├── VideosOffError         this server takes no videos (503)
    ├── FolderAwayError        the folder of videos cannot be used now (503)
    └── MismatchError          its records and files do not belong together (503)
"""

from typing import ClassVar


class FencedOutError(Exception):
    """The writer's fence is old, or the video has ended; nothing was written."""


class VideoError(Exception):
    """Root of what clients are told; the text is one sentence for them."""

    code: ClassVar[str] = "bad_request"
    http_status: ClassVar[int] = 400


class VideoUnknownError(VideoError):
    """No such video: never there, deleted, or gone after its retention time."""

    code, http_status = "video_unknown", 404

    def __init__(self, video: str) -> None:
        super().__init__(f"There is no video {video!r} here.")


class RecordUnreadableError(VideoError):
    """The record of a video is damaged, or of a later version of the server.

    Attributes:
        reason: what is wrong with it, without a full stop.
    """

    code, http_status = "video_unreadable", 409

    def __init__(self, video: str, reason: str) -> None:
        super().__init__(
            f"The record of the video {video!r} cannot be read here ({reason}); "
            "a server of the version that wrote it can, and DELETE removes it."
        )
        self.reason = reason


class BadOptionsError(VideoError):
    """A wish that cannot be fulfilled."""

    code, http_status = "bad_options", 422


class NotOfModelError(VideoError):
    """A wish that another model could fulfil."""

    code, http_status = "not_of_model", 400


class BadUploadError(VideoError):
    """The body is no multipart form with a file in it."""

    code, http_status = "bad_upload", 400


class UploadTooLargeError(VideoError):
    """The file is larger than the operator allows."""

    code, http_status = "upload_too_large", 413


class AddressRefusedError(VideoError):
    """An address that the operator does not let the server go to."""

    code, http_status = "address_refused", 403


class UploadUnknownError(VideoError):
    """No such upload: never there, ended, made a video of, or expired."""

    code, http_status = "upload_unknown", 404

    def __init__(self, upload: str) -> None:
        super().__init__(f"There is no upload {upload!r} here.")


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
    """A part of an upload that does not say that it is one."""

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

    def __init__(self, what: str) -> None:
        super().__init__(
            f"The server has lost {what}; hand the video in again to have it made anew."
        )


class FolderAwayError(VideoError):
    """The folder of videos is gone, read-only, or broken."""

    code, http_status = "folder_away", 503

    def __init__(self, reason: str | None) -> None:
        super().__init__(
            f"The server's folder of videos cannot be used now ({reason or 'no reason given'}); "
            "its operator must bring it back."
        )


class VideosOffError(VideoError):
    """The operator has given videos no place."""

    code, http_status = "videos_off", 503


class MismatchError(VideoError):
    """Records and files of videos do not belong together; see `ownership`."""

    code, http_status = "videos_mismatch", 503

    def __init__(self) -> None:
        super().__init__(
            "The server's records and files of videos do not belong together, so it takes none; "
            "its operator sees why in /readyz and with `maskstream doctor`."
        )
