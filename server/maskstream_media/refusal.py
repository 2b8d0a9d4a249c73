"""Why a video is refused: the codes that clients get, and the exception of the child."""

from enum import StrEnum


class MediaCode(StrEnum):
    """What is wrong with a video.

    UNREADABLE: no video file of a known format, or nothing in it can be decoded.
    NO_VIDEO: a file that holds no video stream.
    TOO_LARGE: pixels, streams or memory over the limits.
    TOO_LONG: duration or frames over the limits.
    TOO_SLOW: computing or waiting time over the limits.
    DECODER_FAILED: the decoder broke down.
    STOPPED: the reader of the video stopped it.
    """

    UNREADABLE = "video_unreadable"
    NO_VIDEO = "no_video_stream"
    TOO_LARGE = "video_too_large"
    TOO_LONG = "video_too_long"
    TOO_SLOW = "video_too_slow"
    DECODER_FAILED = "decoder_failed"
    STOPPED = "stopped"


class RefusalError(Exception):
    """Raised in the child, a MediaError in the parent: a code, a sentence for the sender."""

    def __init__(self, code: MediaCode, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
