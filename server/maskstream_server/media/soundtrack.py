"""The sound of untrusted videos, decoded in a child process: `open_sound`."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from maskstream_server.media.child_process import ChildProcess
from maskstream_server.media.child_stream import ChildStream
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import (
    MAX_SOUND_BYTES,
    SOUND_CHANNELS,
    SOUND_HEAD,
    Kind,
    Task,
)

Samples = npt.NDArray[np.int16]
"""(samples, 2) at 48 kHz."""


@dataclass(frozen=True)
class SoundPiece:
    """Some sound: the time of its first sample in seconds from the start of the file."""

    time_s: float
    samples: Samples


OpenSound = Callable[[Path], AbstractContextManager[Iterable[SoundPiece]]]
"""Opens the sound of a file; reading it raises MediaError."""


class Sound(ChildStream[SoundPiece]):
    """The sound of a video, in pieces, that a child process is decoding."""

    def __init__(self, child: ChildProcess, limits: VideoLimits) -> None:
        super().__init__(child)
        self._max_s = limits.max_duration_s

    def _item(self, kind: Kind, num_bytes: int) -> SoundPiece:
        num_sample_bytes = num_bytes - SOUND_HEAD.size
        if kind != Kind.SOUND or not 0 <= num_sample_bytes <= MAX_SOUND_BYTES:
            raise ValueError(f"{kind.name} of {num_bytes} bytes among sound")
        (time_s,) = SOUND_HEAD.unpack(self._child.read(SOUND_HEAD.size))
        if not 0 <= time_s <= self._max_s:
            raise ValueError(f"sound at {time_s} s")
        data = self._child.read(num_sample_bytes)
        samples = np.frombuffer(data, "<i2").reshape(-1, SOUND_CHANNELS)
        return SoundPiece(time_s, samples.astype(np.int16))


def open_sound(path: str | Path, limits: VideoLimits | None = None) -> Sound:
    """Start decoding the sound of a file in a child process; without any, it is empty.

    Raises:
        OSError: there is no such file.
    """
    limits = limits or VideoLimits()
    return Sound(ChildProcess(Path(path), Task(limits, sound=True)), limits)
