"""Limits that the kernel holds on a child; they stay, whatever its input makes a decoder do."""

import os
import resource
import signal


def confine(memory_bytes: int, cpu_s: int | None = None) -> None:
    """Bound this process for the rest of its life.

    It can open no further file or socket, write none, leave no core dump, and has so much address
    space. What it needs must be open and imported before.

    Args:
        memory_bytes: address space.
        cpu_s: computing time, after which it is killed; None: no bound.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    if cpu_s is not None:
        # One second between the signal that says why and the one that cannot be survived.
        _limit(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(kind: int, soft: int, hard: int | None = None) -> None:
    """Set a limit, or keep a lower one that the operator has set."""
    _, present = resource.getrlimit(kind)
    highest = soft if hard is None else hard
    if present != resource.RLIM_INFINITY:
        highest = min(highest, present)
    resource.setrlimit(kind, (min(soft, highest), highest))


class Alarm:
    """Kills this process when it computes for `stall_s` seconds without telling.

    The signal is not handled, so that it ends even a decoder that never returns to Python. Time in
    which other processes have the cores does not count: a busy machine spoils no video.
    """

    def __init__(self, stall_s: float) -> None:
        self._stall_s = stall_s
        # A parent may have blocked signals or ignore them, and a child takes that over.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)

    def set(self) -> None:
        """Start counting anew."""
        signal.setitimer(signal.ITIMER_PROF, self._stall_s)

    def off(self) -> None:
        """Stop counting: the parent is at work, not the decoder."""
        signal.setitimer(signal.ITIMER_PROF, 0)


def take_channels() -> tuple[int, int]:
    """Return what to read and the pipe to the parent, both moved away from stdin and stdout.

    Whatever a library prints from now on goes where stderr goes.
    """
    source, pipe = os.dup(0), os.dup(1)
    os.dup2(2, 0)
    os.dup2(2, 1)
    return source, pipe
