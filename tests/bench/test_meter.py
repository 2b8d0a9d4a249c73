"""What `ProcessMeter` sees of a process."""

import subprocess
import sys

import pytest

from maskstream_bench.meter import ProcessMeter
from maskstream_client.errors import MaskstreamError

TAKE_64_MIB = """
import os, subprocess, sys
from maskstream_bench.meter import ProcessMeter
waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
child = subprocess.Popen(waiting, stdin=subprocess.PIPE)
with ProcessMeter(os.getpid()) as meter:
    taken = bytearray(64 << 20)
    taken[:: 1 << 12] = bytes(len(taken) >> 12)
    while len(meter._samples) < 4:
        pass
    del taken
child.communicate()
memory = meter.report()["memory_mib"]
print(memory["max"] - memory["first"], memory["children_max"], meter.report()["cpu_s"])
"""


def test_memory_that_is_taken_for_a_moment_is_seen_and_that_of_children():
    # In a process of its own: this one may let go of as much at the same time.
    done = subprocess.run([sys.executable, "-c", TAKE_64_MIB], stdout=subprocess.PIPE)
    own, children, cpu_s = map(float, done.stdout.split())
    assert own > 40
    assert children > 1
    assert cpu_s > 0


def test_without_a_process_nothing_is_measured():
    with ProcessMeter(None) as meter:
        pass
    assert meter.report() is None


def test_a_process_that_is_not_there_is_refused():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(MaskstreamError, match="no process"):
        ProcessMeter(ended.pid)
