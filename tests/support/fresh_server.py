"""`maskstream serve` in a fresh interpreter, for what only that shows: imports and ready line."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

COMMAND = [sys.executable, "-c", "from maskstream_server.commands import serve; serve()"]


@contextmanager
def serving(*options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Run one on a free port; gives its ready line, of which its address is the last word."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline().strip()
        assert line, process.stderr.read()
        yield line, process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
