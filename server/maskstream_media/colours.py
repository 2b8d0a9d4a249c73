"""Decoded frames to RGB, by the colours that a file says or that players take for granted."""

from typing import Final

import av
from av.video.reformatter import Colorspace, VideoReformatter

HD_HEIGHT: Final = 720
"""Frames of so many stored rows and more are BT.709 where the file does not say."""
_MATRICES: Final = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""By the number that files give (ISO/IEC 23091-2), for what swscale can read."""


class RgbConverter:
    """Turns frames into 8-bit RGB of a size; one for a video, since setting it up takes time.

    An unknown matrix is BT.709 from `HD_HEIGHT` on and BT.601 below; an unknown range is the
    limited one but for formats that are full by their nature (JPEG, RGB, grey). Wide gamuts and
    HDR are not mapped: values keep the curve that they are stored with.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def convert(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """Return the frame scaled to this size, whatever its shape."""
        default = Colorspace.ITU709 if frame.height >= HD_HEIGHT else Colorspace.ITU601
        matrix = _MATRICES.get(frame.colorspace, default)
        return self._reformatter.reformat(
            frame, width, height, "rgb24", src_colorspace=matrix, threads=1
        )
