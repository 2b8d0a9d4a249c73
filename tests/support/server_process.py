"""A real server in a process of its own, which can be killed; its videos have three frames."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

# Webhooks are tried again at once, and what has been left is looked for all the time.
SCRIPT = """
import json, sys
import numpy as np
from maskstream_server.jobs import service
from maskstream_server.jobs.webhooks import schedule
from support.fake_video import FakeDecoder
from support.server import running_server
from support.stand_ins import stand_in

schedule.ATTEMPT_S, schedule.PAUSES_S, service.TEND_S = 0.5, (0.5,) * 20, 0.2
decoder = FakeDecoder([np.zeros((32, 48, 3), np.uint8)] * 3, announced=3)
facts, settings = json.loads(sys.argv[1])
model = stand_in(**facts) if facts else None
with running_server(model, open_video=decoder, **settings) as live:
    print(live.url, flush=True)
    sys.stdin.read()
"""
STOP_S = 30.0


@dataclass
class ServerProcess:
    """A running server."""

    url: str
    process: "subprocess.Popen[str]"

    def kill(self) -> None:
        """Kill it as the kernel does that has no memory left."""
        self.process.kill()
        self.process.wait()


@contextmanager
def server_process(
    settings: Mapping[str, object], facts: Mapping[str, object] | None = None
) -> Iterator[ServerProcess]:
    """Run one; at the end it stops in peace, unless it was killed.

    Args:
        settings: fields of `Settings`.
        facts: of the stand-in that it runs, see `stand_ins.stand_in`; None: the fake model.
    """
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, json.dumps([facts, dict(settings)])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            assert process.stdout is not None
            yield ServerProcess(process.stdout.readline().strip(), process)
            process.communicate(input="", timeout=STOP_S)
            assert process.returncode in (0, -9)
        finally:
            process.kill()
