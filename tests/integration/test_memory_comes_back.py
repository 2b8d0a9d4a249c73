"""A real server's memory after large pictures from many clients at once."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from maskstream_client import connect
from support.held_videos import SOON_S, until

PROGRAM = os.path.join(os.path.dirname(sys.executable), "maskstream")
ROOM_BYTES = 150 << 20
FLOOD_BYTES = 300 << 20
POLL_S = 0.05
SIZE = (2304, 4096)  # the largest picture that a server takes


@contextmanager
def serving() -> Iterator[tuple[str, psutil.Process]]:
    """A server with the demo model, ready."""
    command = [PROGRAM, "serve", "--port", "0", "--weights", "random"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            yield address.replace("http", "ws"), psutil.Process(process.pid)
        finally:
            process.terminate()


def resident(server: psutil.Process) -> int:
    """Bytes of it and of the processes that it has."""
    return sum(each.memory_info().rss for each in (server, *server.children(recursive=True)))


def send(url: str, num_frames: int) -> None:
    rough = np.random.default_rng(0).integers(0, 256, (SIZE[0] // 32, SIZE[1] // 32, 3), np.uint8)
    picture = np.kron(rough, np.ones((32, 32, 1), np.uint8))
    with connect(url) as client:
        answers = list(client.stream(iter([picture] * num_frames)))
    assert len(answers) == num_frames


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc alone gives memory back")
def test_memory_comes_back_after_large_pictures_from_many_clients():
    with serving() as (url, server):
        start = peak = resident(server)
        with ThreadPoolExecutor(12) as clients:
            floods = [clients.submit(send, url, 2) for _ in range(12)]
            while wait(floods, POLL_S).not_done:
                peak = max(peak, resident(server))
            for flood in floods:
                flood.result()
        assert peak > start + FLOOD_BYTES
        until(lambda: resident(server) < start + ROOM_BYTES, within_s=SOON_S)
