"""The last resort when a process is to end: it does, whatever hangs in it."""

import os
import threading
from collections.abc import Callable
from typing import Final

import structlog

LAST_S: Final = 5.0
"""For commits and connections after the farewell, which has `drain_s`."""
FORCED: Final = 1
_LOG_S: Final = 1.0


def end_within(seconds: float, exit_now: Callable[[int], object] = os._exit) -> threading.Timer:
    """End this process after so many seconds where it has not ended by itself.

    Python waits for threads of executors before it ends: one in a call that does not return would
    keep the process for ever.

    Args:
        seconds: from now.
        exit_now: is given the exit status; must not return in a process that is to end.

    Returns:
        What is to be cancelled where the process goes on after all.
    """
    timer = threading.Timer(seconds, _end, (seconds, exit_now))
    timer.daemon = True
    timer.start()
    return timer


def _end(seconds: float, exit_now: Callable[[int], object]) -> None:
    names = sorted(thread.name for thread in threading.enumerate())
    # Who reads the log may hang, too.
    telling = threading.Thread(target=_log_end, args=(seconds, names), daemon=True)
    telling.start()
    telling.join(_LOG_S)
    exit_now(FORCED)


def _log_end(seconds: float, names: list[str]) -> None:
    structlog.get_logger(__name__).error("ended_by_force", after_s=seconds, threads=names)
