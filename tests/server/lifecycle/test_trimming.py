"""When memory that is free is given back to the system."""

import platform
import subprocess
import sys
import threading

import pytest

from maskstream_server.lifecycle import trimming
from maskstream_server.lifecycle.trimming import GAP_S, SLACK_BYTES, TrimRule, trimmed_memory

MIB = 1 << 20
START = 400 * MIB
FLOOD = START + 900 * MIB


@pytest.fixture
def rule():
    return TrimRule(START)


def trims(rule, resident, looks_s):
    """When it trims, where each trim leaves what there is."""
    at_s = []
    for now_s in looks_s:
        if rule.due(resident, now_s):
            rule.trimmed(resident, now_s)
            at_s.append(now_s)
    return at_s


def test_memory_that_stays_within_the_slack_is_left_alone(rule):
    assert trims(rule, START + SLACK_BYTES, range(100)) == []


def test_memory_that_has_grown_is_trimmed_at_once_and_then_left_alone(rule):
    assert rule.due(FLOOD, 0.0)
    rule.trimmed(START + MIB, 0.0)
    assert trims(rule, START + MIB, range(100)) == []


def test_what_a_trim_finds_in_use_is_trimmed_again_but_ever_more_seldom(rule):
    assert trims(rule, FLOOD, range(120)) == [0, 5, 15, 35, 65, 95]


def test_a_second_flood_is_trimmed_as_soon_as_the_first(rule):
    trims(rule, FLOOD, range(60))
    assert trims(rule, START, range(60, 100)) == []
    assert trims(rule, FLOOD, range(100, 110)) == [100, 105]


def test_less_than_at_first_is_what_is_aimed_at_from_then_on(rule):
    rule.trimmed(START - 100 * MIB, 0.0)
    assert rule.due(START, GAP_S)


def test_a_process_without_glibc_serves_without_trimming(monkeypatch):
    monkeypatch.setattr(trimming.ctypes, "CDLL", lambda name: object())
    before = threading.active_count()
    with trimmed_memory():
        assert threading.active_count() == before


REPEATED = """
import ctypes, resource, sys, threading
from maskstream_server.lifecycle.trimming import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def work():
    blocks = [bytearray(25 << 20) for _ in range(3)]
    while blocks:
        blocks.pop()

def run():
    work()
    before = faults()
    for _ in range(10):
        work()
    print(faults() - before)

if sys.argv[1] == "kept":
    keep_freed_memory(ctypes.CDLL(None).mallopt)
run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def page_faults(how):
    """Of a process that uses 75 MiB again and again, in its main thread and in another one."""
    args = [sys.executable, "-c", REPEATED, how]
    done = subprocess.run(args, check=True, capture_output=True, text=True)
    return [int(count) for count in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="counts the page faults of glibc")
def test_memory_that_is_used_again_at_once_is_not_faulted_in_again():
    assert max(page_faults("kept")) < 1000


TRIMMED = """
import ctypes, threading
from maskstream_server.lifecycle.trimming import keep_freed_memory, resident_bytes

def work():
    blocks = [b"x" * (1 << 20) for _ in range(40)]
    blocks.clear()

keep_freed_memory(ctypes.CDLL(None).mallopt)
before = resident_bytes()
ready = threading.Barrier(4)
threads = [threading.Thread(target=lambda: (ready.wait(), work())) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
ctypes.CDLL(None).malloc_trim(0)
print(resident_bytes() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="counts the bytes of glibc")
def test_a_trim_returns_what_threads_have_freed():
    args = [sys.executable, "-c", TRIMMED]
    done = subprocess.run(args, check=True, capture_output=True, text=True)
    assert int(done.stdout) < 10 * MIB
