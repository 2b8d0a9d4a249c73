"""The client in JavaScript, run by Node: its sources, its core under calls, scripts that use it."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "clients" / "web"
NODE = shutil.which("node")
TSC = PACKAGE / "node_modules" / ".bin" / "tsc"
HAS_WEB_SOCKET = (PACKAGE / "node_modules" / "ws").is_dir()
NO_NODE = "there is no Node"
NOT_INSTALLED = "packages of Node are not installed: make test-web"


def run_node(*command: str, limit_s: float = 300) -> str:
    """What a command says; it has to succeed."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *command], cwd=PACKAGE, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Bridge:
    """The core of the client in a process of Node (`clients/web/tests/bridge.js`)."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, name: str, **fields: Any) -> Any:
        """Call it and return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"call": name, **fields}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the bridge has ended; its error is above"
        return json.loads(line)


@contextmanager
def bridge() -> Iterator[Bridge]:
    """Run one."""
    assert NODE is not None
    script = str(PACKAGE / "tests" / "bridge.js")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([NODE, script], text=True, env=os.environ, **pipes) as process:
        try:
            yield Bridge(process)
        finally:
            process.stdin.close()
            process.wait(60)
