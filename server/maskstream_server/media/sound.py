"""The child's other task: the sound as plain samples, which are harmless."""

from typing import Final

import av

from maskstream_media.decoding import Damage, decoded
from maskstream_media.frames import start_of
from maskstream_media.opening import NamelessFile
from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_server.media.messages import (
    SOUND_CHANNELS,
    SOUND_HEAD,
    SOUND_RATE,
    ChildTask,
    MessageKind,
    encode_end,
)
from maskstream_server.media.outlet import Outlet
from maskstream_server.media.source import open_sound_of

_BYTES_PER_SAMPLE: Final = 2 * SOUND_CHANNELS


def give_sound(task: ChildTask, file: NamelessFile, outlet: Outlet) -> None:
    """Send SOUND messages (48 kHz, two channels, 16 bits) if there is sound, then END.

    Times count from the start of the file, as those of the frames do.

    Raises:
        RefusalError: the sound cannot be read.
        MemoryError: decoding needs more than it may have.
        BrokenPipeError: the parent is gone.
    """
    container, stream = open_sound_of(file, task.limits)
    start_s = start_of(container) or 0.0
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=SOUND_RATE)
    frames = () if stream is None else decoded(container, stream, Damage())
    for frame in frames:
        for piece in resampler.resample(frame):
            time_s = max(0.0, (piece.time or 0.0) - start_s)
            if time_s > task.limits.max_duration_s:
                raise RefusalError(MediaCode.TOO_LONG, "The sound is longer than the limit.")
            samples = memoryview(piece.planes[0])[: piece.samples * _BYTES_PER_SAMPLE]
            outlet.send(MessageKind.SOUND, SOUND_HEAD.pack(time_s), samples)
    outlet.send(MessageKind.END, encode_end(None))
