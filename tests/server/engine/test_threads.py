"""How many CPU threads the model has, and who else has any."""

import os
import subprocess
import sys

import pytest
import torch

from maskstream_server.config.settings import Settings
from maskstream_server.engine.step import Stepper
from maskstream_server.engine.threads import MANY, EngineThreads, Slowness, choose_threads, quickest
from maskstream_server.errors import StepFailedError
from maskstream_server.lifecycle.assembly import build_engine, engine_threads
from support.fake_model import FakeModel
from support.stand_ins import stand_in

LATE = {"lookahead": 3, "prompts": "required"}
LIMIT_S = 240


@pytest.mark.parametrize(
    ("variables", "settings", "expected"),
    [
        ({}, {}, None),
        ({"OMP_NUM_THREADS": ""}, {}, None),
        ({"OMP_NUM_THREADS": "8"}, {}, 8),
        ({}, {"deterministic": True}, 1),
        ({"OMP_NUM_THREADS": "8"}, {"deterministic": True}, 1),
        ({"OMP_NUM_THREADS": "8"}, {"threads": 2}, 2),
        ({}, {"threads": 2, "deterministic": True}, 2),
    ],
)
def test_the_number_of_threads_is_measured_unless_it_is_set(
    monkeypatch, variables, settings, expected
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert engine_threads(Settings(**settings), variables) == expected


@pytest.mark.parametrize(
    ("device", "sizes", "batches"),
    [("cpu", ((360, 640),), (1,)), ("cuda:0", ((360, 640), (640, 360)), (1, 2, 3))],
)
def test_on_a_gpu_all_shapes_that_may_come_are_warmed_up(device, sizes, batches):
    settings = Settings(device=device, max_batch=3, compile_size="640x360,360x640")
    limits = build_engine(settings, FakeModel()).limits
    assert (limits.warm_up_sizes, limits.warm_up_batches) == (sizes, batches)


@pytest.mark.parametrize(
    ("seconds", "most", "expected"),
    [
        ({1: 1.0, 2: 1.1}, 2, 1),
        ({1: 1.0, 2: 0.9}, 2, 1),  # not worth a core
        ({1: 1.0, 2: 0.8}, 2, 2),
        ({1: 1.0, 2: 0.6, 4: 0.4, 8: 0.38}, 16, 4),
        ({1: 1.0, 2: 0.6, 4: 0.4, 6: 0.3}, 6, 6),
        ({}, 1, 1),
    ],
)
def test_threads_are_doubled_as_long_as_that_makes_a_step_a_fifth_shorter(seconds, most, expected):
    # A number that is not among them would be a KeyError: no more is measured than needed.
    assert quickest(seconds.__getitem__, most) == expected


@pytest.fixture
def counts(monkeypatch):
    """The numbers of threads that torch was given; it seems to have four by default."""
    given = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    return given


def test_a_number_that_is_named_is_set_without_a_step(counts):
    assert choose_threads(3, lambda: pytest.fail("a step")) == 3
    assert counts == [3]


def test_what_was_quickest_is_set_and_the_slow_first_step_does_not_count(counts):
    times_s = iter([9.0, 1.0, 1.0, 0.9, 0.5, 0.9, 0.6, 0.45, 0.5])
    assert choose_threads(None, times_s.__next__) == 2
    assert counts == [1, 2, 4, 2]


def test_steps_are_slow_where_many_in_a_row_take_three_times_their_median():
    slowness = Slowness()
    usual = [slowness.add("a", 1.0) for _ in range(20)]
    accidents = [slowness.add("a", 9.0) for _ in range(MANY - 1)]
    assert not any(usual + accidents)
    assert not slowness.add("a", 2.9)
    assert [slowness.add("a", 3.1) for _ in range(MANY)] == [False] * (MANY - 1) + [True]
    # What is usual is learned anew.
    assert not any(slowness.add("a", 3.1) for _ in range(3 * MANY))


def test_steps_of_other_sizes_are_not_slow():
    slowness = Slowness()
    assert not any(slowness.add(kind, 10.0**kind) for kind in (0, 1, 2) for _ in range(2 * MANY))
    assert not any(slowness.add(new, 1.0) for new in range(1000))


def test_threads_are_chosen_again_where_steps_have_become_slow(counts):
    times_s = iter([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.45, 0.45, 0.45, *[3.0] * 3, *[9.0] * 3])
    threads = EngineThreads(None, times_s.__next__)
    assert threads.choose() == 2
    counts.clear()
    for took_s in (*[0.5] * MANY, *[5.0] * MANY):
        threads.choose_again()
        assert counts == []
        threads.stepped("a", took_s)
    threads.choose_again()
    assert counts == [4, 1, 2, 1]


def test_the_number_stays_where_the_model_fails(counts):
    def fail():
        raise StepFailedError("noise")

    threads = EngineThreads(None, fail)
    with pytest.raises(StepFailedError):
        threads.choose()
    for took_s in (*[0.5] * MANY, *[5.0] * MANY):
        threads.stepped("a", took_s)
    threads.choose_again()
    assert counts[-1] == 4


BESIDE_A_BUSY_PROCESS = """
import os, statistics, subprocess, sys, time
from maskstream_command.starting import prepare_process
prepare_process(os.environ)
import torch
from maskstream_model import load_model
from maskstream_bench.pictures import moving_shapes
torch.set_num_threads(1)
model = load_model("demo", weights="random")
frames = [moving_shapes(index, 128, 224) for index in range(15)]
state, took_s = model.begin(), {1: [], 2: []}
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]
try:
    for frame in frames:
        for count, times_s in took_s.items():
            torch.set_num_threads(count)
            began_s = time.perf_counter()
            model.track_frame(frame, state)
            times_s.append(time.perf_counter() - began_s)
finally:
    for process in busy:
        process.kill()
print(statistics.median(took_s[2]) / statistics.median(took_s[1]))
"""


@pytest.mark.slow
def test_two_threads_beside_busy_processes_do_not_collapse():
    """Threads that spin for one another take 8 to 18 times as long there."""
    free = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_A_BUSY_PROCESS],
        env=free | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=LIMIT_S,
    )
    assert float(done.stdout) < 3


LOAD = """
import os, time
import scipy.optimize, torch  # their own libraries begin threads
from maskstream_server.lifecycle.models import load
from maskstream_server.config.settings import Settings
before = len(os.listdir("/proc/self/task"))
load(Settings(weights="random"))
ends = time.monotonic() + 10  # a thread that is to end takes its time on a busy machine
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


@pytest.mark.parametrize(("facts", "flushes"), [({}, 0), (LATE, 1)], ids=["at once", "late"])
def test_what_threads_are_chosen_by_is_all_that_a_frame_needs(monkeypatch, facts, flushes):
    """A model of chunks computes next to nothing for the first frame of one."""
    model, flushed = stand_in(**facts), []
    flush = model.flush
    monkeypatch.setattr(model, "flush", lambda *given: flushed.append(1) or flush(*given))
    seconds = iter(range(100))
    assert Stepper(lambda: float(next(seconds))).whole_frame_s(model) > 0
    assert len(flushed) == flushes
