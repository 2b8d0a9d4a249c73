"""Python processes that start at once: forks of one that has imported all that they need.

A fresh interpreter computes for three seconds until it has torch and the rest. Whether a command
starts as a fresh one is for `test_serve.py` and `test_process_start.py`.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

IMPORTED = [
    "maskstream_server.commands",
    "maskstream_server.lifecycle.assembly",
    "maskstream_server.lifecycle.server",
    "maskstream_server.lifecycle.worker",
    "maskstream_model.daq.offline",
]


class Forked:
    """A process that runs a function and ends with it; the part of `Popen` that tests use.

    Attributes:
        stdout: what it says.
    """

    def __init__(
        self, run: Callable[..., object], *arguments: Any, log: Path | None = None
    ) -> None:
        """Start it.

        Args:
            run: a function of a module; what it raises ends the process with status 1.
            arguments: of that function.
            log: the file to which its standard error goes; None: nobody reads it.
        """
        reader, writer = multiprocessing.Pipe(duplex=False)
        given = (writer, log, dict(os.environ), run, arguments)
        self._process = context().Process(target=run_in_child, args=given)
        self._process.start()
        writer.close()
        self.stdout = os.fdopen(os.dup(reader.fileno()))
        reader.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """As that of `Popen`."""
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Return the status that it ended with.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return self.returncode

    def close(self) -> None:
        """End it, and let go of what it said."""
        self.kill()
        self.wait()
        self.stdout.close()


def maskstream(*words: str) -> None:
    """What the command of this name does."""
    from maskstream_command.group import main

    main(list(words))


def context() -> ForkServerContext:
    """Where processes are forked, of which the first call makes one for this test run."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(IMPORTED)
    return made


def run_in_child(
    out: Connection,
    log: Path | None,
    environment: dict[str, str],
    run: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    """What a fork does first: streams and environment become those of a fresh process."""
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    with (log or Path(os.devnull)).open("ab") as errors:
        os.dup2(errors.fileno(), 2)
    os.dup2(out.fileno(), 1)
    out.close()
    run(*arguments)
