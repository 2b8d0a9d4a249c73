"""Ctrl-C and SIGTERM before a model is ready: one sentence, and 128 and the signal's number."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from support import slow_start
from support.distributions import write_distribution
from support.forks import Forked
from support.redis_server import RedisServer

SOON_S = 150.0
PROGRAM = [sys.executable, "-c", "from maskstream_command.group import main; main()"]
LOADING = """
import time
from maskstream_model.families import Family

def load(preset, weights=None, device="cpu"):
    print("loads", flush=True)
    time.sleep(3600)

FAMILY = Family("slow", load)
"""


def sentence(number: signal.Signals) -> str:
    return f"Stopped by {number.name} before the model was ready."


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("begin", [slow_start.serve, slow_start.work])
def test_a_signal_ends_a_warm_up(
    begin: Callable[..., None], number: signal.Signals, tmp_path: Path, shared_redis: RedisServer
):
    log, settings = tmp_path / "log", {"store": shared_redis.url, "data_folder": tmp_path}
    process = Forked(partial(begin, **settings), log=log)
    try:
        assert process.stdout.readline() == "steps\n", log.read_text()
        process.send_signal(number)
        assert process.wait(SOON_S) == 128 + number, log.read_text()
    finally:
        process.close()
    said = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert said == [sentence(number)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_does_not_wait_for_a_model_that_is_loaded(number: signal.Signals, tmp_path: Path):
    write_distribution(tmp_path, "family_of_slow", {"slow": "family_of_slow:FAMILY"}, LOADING)
    paths = filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--model", "slow"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "loads\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=SOON_S)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said.splitlines()[-1]) == (128 + number, sentence(number))
    assert "Traceback" not in said
