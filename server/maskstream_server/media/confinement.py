"""Limits that the kernel holds on the child; they stay, whatever the video makes the decoder do."""

import os
import resource
import signal

from maskstream_server.media.limits import VideoLimits


def confine(limits: VideoLimits) -> None:
    """Bound this process for the rest of its life.

    It can open no further file or socket, write none, leave no core dump, and is killed
    over its memory or computing time. What it needs must be open and imported before.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    # One second between the signal that says why and the one that cannot be survived.
    _limit(resource.RLIMIT_CPU, limits.cpu_s, limits.cpu_s + 1)
    _limit(resource.RLIMIT_AS, limits.memory_bytes)
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or keep a lower one that the operator has set."""
    _, present = resource.getrlimit(kind)
    highest = soft if hard is None else hard
    if present != resource.RLIM_INFINITY:
        highest = min(highest, present)
    resource.setrlimit(kind, (min(soft, highest), highest))


class Alarm:
    """Kills this process when it works on without telling for `stall_s` seconds.

    Nobody handles the signal, so that it ends even a decoder that never returns to Python.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        # A parent may have blocked signals or ignore them, and a child takes that over.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)

    def set(self) -> None:
        """Start counting anew."""
        signal.setitimer(signal.ITIMER_REAL, self._stall_s)

    def off(self) -> None:
        """Stop counting: the parent is at work, not the decoder."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def take_channels() -> tuple[int, int]:
    """Return the file to read and the pipe to the parent, both moved away from stdin and stdout.

    Whatever a library prints from now on goes where stderr goes.
    """
    video, pipe = os.dup(0), os.dup(1)
    os.dup2(2, 0)
    os.dup2(2, 1)
    return video, pipe
