"""How a process ends where it has to: whatever hangs in it, or computes on."""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import structlog

LAST_S: Final = 5.0
"""For commits and connections after draining, which has `drain_s`."""
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
        What is to be cancelled where the process does not end after all.
    """
    timer = threading.Timer(seconds, _end, (seconds, exit_now))
    timer.daemon = True
    timer.start()
    return timer


def end_stopped(number: int, is_ready: bool, in_step: bool) -> NoReturn:
    """End this process after a signal; with a sentence where it came before the process was ready.

    Args:
        number: of the signal.
        is_ready: whether there was anything to serve: the exit status is 0 then, else 128 and
            `number`.
        in_step: whether a thread computes in torch. Python would end such a thread in the middle
            of C++ code, which aborts the process.
    """
    if not is_ready:
        name = signal.Signals(number).name
        print(f"Stopped by {name} before the model was ready.", file=sys.stderr)
    status = 0 if is_ready else 128 + number
    if in_step:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """While it is entered, Ctrl-C and SIGTERM end this process, which is not ready yet, at once."""

    def stop(number: int, frame: object) -> None:
        end_stopped(number, is_ready=False, in_step=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(seconds: float, exit_now: Callable[[int], object]) -> None:
    names = sorted(thread.name for thread in threading.enumerate())
    # Who reads the log may hang, too.
    telling = threading.Thread(target=_log_end, args=(seconds, names), daemon=True)
    telling.start()
    telling.join(_LOG_S)
    exit_now(FORCED)


def _log_end(seconds: float, names: list[str]) -> None:
    structlog.get_logger(__name__).error("ended_by_force", after_s=seconds, threads=names)
