"""A real Prometheus, where there is one: its checker, and a server that scrapes one of ours.

The binaries are those on PATH, else in the folder that MASKSTREAM_PROMETHEUS names
(`scripts/prometheus.sh` prints one); tests that need them are skipped where there are neither.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.redis_server import free_port


def binary(name: str) -> str:
    """Return the path of `promtool` or `prometheus`; skips where there is none."""
    folder = os.environ.get("MASKSTREAM_PROMETHEUS") or None
    found = shutil.which(name) or (folder and shutil.which(name, path=folder))
    if not found:
        pytest.skip(f"no {name}: neither on PATH nor in MASKSTREAM_PROMETHEUS")
    return found


def promtool(*words: str | Path) -> str:
    """Run the checker; returns what it says, raises where it finds a fault."""
    done = subprocess.run([binary("promtool"), *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Prometheus:
    """A running one, asked over its API."""

    def __init__(self, url: str) -> None:
        self.url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        words = urllib.parse.urlencode({"query": expression})
        return self._get(f"query?{words}")["result"]

    def query_range(self, expression: str, begin_s: float, end_s: float, step_s: float) -> Any:
        """Return series: `metric` (labels) and `values` (pairs of time and text)."""
        asked = {"query": expression, "start": begin_s, "end": end_s, "step": step_s}
        return self._get(f"query_range?{urllib.parse.urlencode(asked)}")["result"]

    def firing(self) -> set[str]:
        alerts = self._get("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", timeout=60) as answer:
            return json.load(answer)["data"]


@contextmanager
def prometheus(config: Path, folder: Path) -> Iterator[Prometheus]:
    """Run one with this configuration and its data in `folder`."""
    port = free_port()
    options = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
    options += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([binary("prometheus"), *options], stdout=log, stderr=log)
    try:
        running = Prometheus(f"http://127.0.0.1:{port}")
        _wait_until_ready(running, process, folder / "prometheus.log")
        yield running
    finally:
        process.terminate()
        process.wait(timeout=60)


def _wait_until_ready(running: Prometheus, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(f"{running.url}/-/ready", timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(log.read_text()[-2000:]) from None
            time.sleep(0.05)
