"""How many CPU threads the model has, and who else has any."""

import os
import subprocess
import sys

import pytest
import torch

from maskstream_server.assembly import engine_threads
from maskstream_server.settings import Settings


@pytest.mark.parametrize(
    ("cores", "settings", "expected"),
    [
        (16, {}, 16),
        (1, {}, 1),
        (16, {"deterministic": True}, 1),
        (2, {"threads": 2}, 2),
        (2, {"threads": 2, "deterministic": True}, 2),
    ],
)
def test_the_model_has_all_cores_unless_somebody_says_how_many(
    monkeypatch, cores, settings, expected
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    assert engine_threads(Settings(**settings)) == expected


LOAD = """
import os, time
from maskstream_server.assembly import load
from maskstream_server.settings import Settings
before = len(os.listdir("/proc/self/task"))
load(Settings(weights="random"))
ends = time.monotonic() + 10  # a thread that was told to end takes its time on a busy machine
while (more := len(os.listdir("/proc/self/task")) - before) > 0 and time.monotonic() < ends:
    time.sleep(0.01)
print(more)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_loading_a_model_leaves_no_threads_that_the_engines_would_share_cores_with():
    environment = os.environ | {"OMP_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, stdout=subprocess.PIPE, check=True
    )
    assert int(done.stdout) == 0
