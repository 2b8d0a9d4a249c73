"""The child that decodes one video: `python -m maskstream_server.media.child TASK < video`.

It reads stdin, writes to its parent over stdout (`messages.py`), and serves one file only.
"""

import sys

import av

from maskstream_media.opening import NamelessFile
from maskstream_media.refusal import MediaCode, RefusalError
from maskstream_server.media.confinement import Alarm, confine, take_channels
from maskstream_server.media.frames import give_frames
from maskstream_server.media.messages import ChildTask, MessageKind, encode_refusal
from maskstream_server.media.outlet import Outlet
from maskstream_server.media.precedence import lower_priority
from maskstream_server.media.sound import give_sound


def main() -> None:
    """Do the task that the first argument names."""
    lower_priority()
    task = ChildTask.decode(sys.argv[1])
    av.logging.set_level(None)
    video, pipe = take_channels()
    outlet = Outlet(pipe, Alarm(task.limits.stall_s))
    confine(task.limits.memory_bytes, task.limits.cpu_s)
    try:
        refusal = _do(task, NamelessFile(video), outlet)
        if refusal is not None:
            outlet.send(MessageKind.REFUSAL, encode_refusal(refusal))
    except BrokenPipeError:
        # The parent has closed the video, or died.
        return


def _do(task: ChildTask, video: NamelessFile, outlet: Outlet) -> RefusalError | None:
    give = give_sound if task.sound else give_frames
    try:
        give(task, video, outlet)
    except RefusalError as refusal:
        return refusal
    except BrokenPipeError:
        raise
    except MemoryError:
        mebibytes = task.limits.memory_bytes >> 20
        return RefusalError(
            MediaCode.TOO_LARGE,
            f"The video needs more than the {mebibytes} MiB of memory that one may take.",
        )
    except Exception as error:
        return RefusalError(
            MediaCode.DECODER_FAILED, f"The decoder failed: {type(error).__name__}."
        )
    return None


if __name__ == "__main__":
    main()
