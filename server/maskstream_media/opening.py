"""Opens a file with PyAV so that it can lead nowhere else, and looks at what it holds."""

import io
from collections.abc import Mapping

import av

# PyAV would import these when it meets a stream or a frame; a confined process opens no file then.
import av.sidedata.sidedata
import av.subtitles.codeccontext
import av.subtitles.stream
from av.container import InputContainer

from maskstream_media.formats import CONTAINERS, listed
from maskstream_media.refusal import MediaCode, RefusalError

_NO_VIDEO_FILE = (
    "The file is no video that can be read, or is cut off before its index: "
    f"{listed(CONTAINERS)} are taken."
)


class NamelessFile(io.FileIO):
    """An open file, without a name that a demuxer could make other names of.

    Names of any kind are files: with a colon, a percent sign or a wildcard in them, too.
    """

    name = ""


def open_container(file: NamelessFile, options: Mapping[str, str] | None = None) -> InputContainer:
    """Open a file from its beginning and read its header.

    Args:
        file: to read; it may have been read before.
        options: of FFmpeg, such as whitelists.

    Raises:
        RefusalError: no video file of a known format.
        MemoryError: the header needs more than there is.
    """
    file.seek(0)
    options = {"protocol_whitelist": "none", **(options or {})}
    try:
        return av.open(file, "r", container_options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise RefusalError(MediaCode.UNREADABLE, _NO_VIDEO_FILE) from error
