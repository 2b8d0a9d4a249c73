"""The `maskstream` command; importing this imports nothing else, so that Ctrl-C finds a handler."""

import os
import signal

INTERRUPTED = 128 + signal.SIGINT
"""Exit status of a command that Ctrl-C ended."""


def main() -> None:
    """Run the command that was typed."""
    # Where Ctrl-C is ignored, as in a shell's background job, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    from maskstream_command.group import main as command

    command()


def let_interrupts_raise() -> None:
    """From here on Ctrl-C raises `KeyboardInterrupt`, for there may be something to clean up."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end(number: int, frame: object) -> None:
    """End at once: amid imports there is nothing to clean up, and an exception is a traceback."""
    os.write(2, b"\nInterrupted.\n")
    os._exit(INTERRUPTED)
