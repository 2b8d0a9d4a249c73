"""What the `maskstream` command sets before OpenMP is loaded: libgomp itself says what it read."""

import os
import subprocess
import sys

import pytest

from maskstream_command.starting import prepare_process
from support.held_videos import SOON_S

PROGRAM = os.path.join(os.path.dirname(sys.executable), "maskstream")
# Each imports torch, and then ends with a sentence.
COMMANDS = ("serve --model none",)
MORE_COMMANDS = (
    "worker",
    "doctor --model none",
    "train --out /dev/null/out",
    "eval --weights none",
    "weights verify none",
    f"bench model {__file__} --model none",
    f"bench video {__file__} --model none",
)


def what_openmp_read(command: str, **variables: str) -> str:
    free = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    done = subprocess.run(
        [PROGRAM, *command.split()],
        env=free | {"OMP_DISPLAY_ENV": "VERBOSE", **variables},
        capture_output=True,
        text=True,
        timeout=2 * SOON_S,
    )
    if "OPENMP DISPLAY ENVIRONMENT BEGIN" not in done.stderr:
        pytest.skip("this torch has another OpenMP than libgomp")
    return done.stderr


@pytest.mark.parametrize(
    "command",
    [*COMMANDS, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE_COMMANDS)],
    ids=lambda command: command.split(" --")[0][:12],
)
def test_threads_of_every_command_that_loads_a_model_sleep_where_they_wait(command):
    read = what_openmp_read(command)
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in read
    assert "GOMP_SPINCOUNT = '0'" in read


@pytest.mark.slow
def test_what_the_user_has_set_stays():
    read = what_openmp_read("worker", OMP_WAIT_POLICY="ACTIVE", GOMP_SPINCOUNT="500")
    assert "OMP_WAIT_POLICY = 'ACTIVE'" in read
    assert "GOMP_SPINCOUNT = '500'" in read


@pytest.mark.parametrize("variables", [{}, {"OMP_WAIT_POLICY": ""}])
def test_a_variable_that_is_not_set_or_empty_has_the_default(variables):
    prepare_process(variables)
    assert variables == {"OMP_WAIT_POLICY": "PASSIVE"}


def test_a_variable_that_is_set_stays():
    variables = {"OMP_WAIT_POLICY": "ACTIVE"}
    prepare_process(variables)
    assert variables == {"OMP_WAIT_POLICY": "ACTIVE"}
