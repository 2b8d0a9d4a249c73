"""`maskstream bench start`: from the start of a server's process until it is ready."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import click

from maskstream_bench.command import subject
from maskstream_bench.meter import process_s
from maskstream_bench.report import Measured, spread

READY: Final = "maskstream serves "
"""What a server prints when it is ready."""
STOP_S: Final = 60.0


@subject
@click.option("--model", default="demo", show_default=True, help="Preset.")
@click.option("--backend", default="eager", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
def start(model: str, backend: str, rounds: int) -> Measured:
    """Start `maskstream serve` several times, and measure until it is ready.

    `cpu_s` is what the process has computed by then; on a quiet machine `seconds` is little more.
    """
    command = [str(Path(sys.executable).with_name("maskstream")), "serve", "--port", "0"]
    command += ["--model", model, "--backend", backend]
    found = [_measure(command) for _ in range(rounds)]
    seconds, cpu_s = zip(*found, strict=True)
    return Measured({"start": {"seconds": spread(seconds), "cpu_s": spread(cpu_s)}})


def _measure(command: list[str]) -> tuple[float, float]:
    """Return the seconds until a server is ready, and those that it has computed."""
    began_s = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if not any(line.startswith(READY) for line in process.stdout):
                raise ValueError("A server ended before it was ready; its own error is above.")
            return time.perf_counter() - began_s, process_s(process.pid)
        finally:
            process.terminate()
            try:
                process.communicate(timeout=STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
