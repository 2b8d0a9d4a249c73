"""Ctrl-C while Python still imports: one word and 130, whatever is imported at that moment."""

import signal
import subprocess
import sys

import pytest

SOON_S = 60.0
# The signal comes as the module of this name is looked for: no clock decides when.
PROGRAM = """
import os, signal, sys

awaited = sys.argv.pop(1)
sys.argv[0] = "maskstream"

class Strike:
    def find_spec(name, path, target=None):
        if name == awaited:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Strike)
from maskstream_command import main
main()
"""


def interrupted(module: str, *words: str, **options: object) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", PROGRAM, module, *words]
    return subprocess.run(program, capture_output=True, text=True, timeout=SOON_S, **options)


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("maskstream_command.group", "serve"),
        ("click", "serve"),
        ("maskstream_server.commands", "serve"),
        ("maskstream_server.config.settings", "serve"),
        ("torch", "serve"),
        ("maskstream_client", "run"),
        ("numpy._core._multiarray_umath", "run"),
    ],
)
def test_it_ends_the_command_with_one_word(module: str, command: str):
    done = interrupted(module, command)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "\nInterrupted.\n")


def test_where_it_is_ignored_it_stays_ignored():
    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    done = interrupted("click", "--version", preexec_fn=ignore)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("maskstream, version ")


def test_a_command_that_runs_cleans_up_after_it():
    """From then on it is an exception, as Python has it."""
    code = (
        "import signal, click, maskstream_command.group as group\n"
        "@click.command()\n"
        "def endless(): print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
        "class Endless:\n"
        "    name, value = 'endless', 'somewhere:endless'\n"
        "    def load(self): return endless\n"
        "group.entry_points = lambda group: [Endless()]\n"
        "import sys; from maskstream_command import main\n"
        "sys.argv = ['maskstream', 'endless']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SOON_S
    )
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
