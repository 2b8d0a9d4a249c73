"""Untrusted videos as upright RGB frames, decoded in a child process: `open_video`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from maskstream_media.orientation import Orientation
from maskstream_server.media.child_process import ChildProcess
from maskstream_server.media.child_stream import ChildStream, distrust
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import FRAME_HEAD, ChildTask, MessageKind, SourceInfo

Pixels = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""
_ROW_PADDING_BYTES: Final = 1024


@dataclass(frozen=True)
class DecodedFrame:
    """One frame.

    Attributes:
        index: its place in the video, from 0.
        time_s: seconds from the start of the file; grows from frame to frame.
        pixels: upright RGB (H, W, 3).
    """

    index: int
    time_s: float
    pixels: Pixels


class DecodedVideo(ChildStream[DecodedFrame]):
    """The frames of a video that a child process is decoding.

    Attributes:
        info: what is known of it.
        warning: once the last frame has been read: what its sender should know; None: nothing.
    """

    def __init__(self, child: ChildProcess, limits: VideoLimits) -> None:
        super().__init__(child)
        self._limits = limits
        self._num_met = 0
        self._latest_s = 0.0
        with distrust():
            kind, num_bytes = child.header()
            while kind == MessageKind.AT_WORK and num_bytes == 0:
                kind, num_bytes = child.header()
            if kind != MessageKind.INFO:
                raise ValueError(f"the first message is {kind.name}")
            self.info = SourceInfo.decode(child.text(num_bytes), limits)

    def _item(self, kind: MessageKind, num_bytes: int) -> DecodedFrame | None:
        index = self._num_met
        self._num_met += 1
        if self._num_met > self._limits.max_frames:
            raise ValueError("more frames than the child may send")
        if kind == MessageKind.SKIPPED and num_bytes == 0:
            return None
        if kind != MessageKind.FRAME:
            raise ValueError(f"{kind.name} among frames")
        return self._frame(index, num_bytes)

    def _frame(self, index: int, num_bytes: int) -> DecodedFrame:
        head = self._child.read(FRAME_HEAD.size)
        time_s, width, height, row_bytes, code = FRAME_HEAD.unpack(head)
        orientation = Orientation.from_code(code)
        padding = row_bytes - 3 * width
        if (
            orientation.size(width, height) != (self.info.width, self.info.height)
            or not 0 <= padding <= _ROW_PADDING_BYTES
            or num_bytes != FRAME_HEAD.size + row_bytes * height
            or not self._latest_s <= time_s <= self._limits.max_duration_s
        ):
            raise ValueError(f"no frame of this video is {width}x{height} at {time_s}")
        self._latest_s = time_s
        rows = np.empty((height, row_bytes), np.uint8)
        self._child.read_into(rows.data.cast("B"))
        stored = rows[:, : 3 * width].reshape(height, width, 3)
        return DecodedFrame(index, time_s, orientation.apply(stored))


class OpenVideo(Protocol):
    """Opens a file; blocks, and raises MediaError."""

    def __call__(self, path: Path, *, skip: int, stride: int) -> DecodedVideo:
        """Return its frames from number `skip` on whose number is a multiple of `stride`."""


def open_video(
    path: str | Path, limits: VideoLimits | None = None, *, skip: int = 0, stride: int = 1
) -> DecodedVideo:
    """Start decoding a file in a child process; returns when its first frame has been decoded.

    Args:
        path: of the file.
        limits: what it may cost; None: the defaults.
        skip: frames to decode and drop at the start, so that a job resumes where it was.
        stride: of the rest only frames whose index is a multiple of this are given.

    Raises:
        MediaError: it cannot be read, or is over its limits.
        OSError: there is no such file.
    """
    limits = limits or VideoLimits()
    child = ChildProcess(Path(path), ChildTask(limits, skip=skip, stride=stride))
    try:
        return DecodedVideo(child, limits)
    except BaseException:
        child.close()
        raise
