"""What `make` installs, and where; Python, pip and the GPU are stand-ins that note their calls."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
LIMIT_S = 60
# `-c` asks for its version, `-m venv` copies it, and all else is pip.
PYTHON = """#!/bin/bash
case "$1 $2" in
  -c*) echo "${STUB_VERSION:-3.12}"; exit ;;
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
esac
echo "$0 $*" >> "$STUB_LOG"
[[ -z "$STUB_NO_INDEX" || "$*" != *"--index-url $STUB_NO_INDEX"* ]]
"""
GPU = '#!/bin/bash\n[ -z "$STUB_GPU" ] && exit 9\necho "GPU 0: $STUB_GPU"\n'
Made = tuple[int, str, list[str]]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def make(tmp_path) -> Callable[..., Made]:
    """Runs `make .venv/run` in a copy of what it needs; gives status, what it said, calls."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    stubs, log = tmp_path / "stubs", tmp_path / "log"
    stubs.mkdir()
    for name, text in (("python3", PYTHON), ("nvidia-smi", GPU)):
        (stubs / name).write_text(text)
        (stubs / name).chmod(0o755)

    def run(*options: str, **variables: str) -> Made:
        own = {"PATH": f"{stubs}:/usr/bin:/bin", "STUB_LOG": str(log), "HOME": str(tmp_path)}
        command = ["make", "--no-print-directory", ".venv/run", *options]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env=own | variables,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
        calls = log.read_text().splitlines() if log.exists() else []
        return done.returncode, done.stdout + done.stderr, calls

    return run


def torch_calls(calls: list[str]) -> list[str]:
    return [call for call in calls if " torch" in call]


def test_a_python_that_is_too_old_is_refused_in_a_sentence_before_anything_is_made(make, tmp_path):
    status, said, calls = make(STUB_VERSION="3.9")
    assert status != 0
    assert said.splitlines()[0] == (
        "Maskstream needs Python 3.11 or later; python3 is 3.9. "
        "Name another one: make demo PYTHON=python3.12"
    )
    assert calls == []
    assert not (tmp_path / ".venv").exists()


def test_a_python_that_is_not_there_is_refused_in_a_sentence(make):
    status, said, calls = make("PYTHON=python9")
    assert status != 0
    assert said.startswith("Maskstream needs Python 3.11 or later; there is no python9 that runs.")
    assert calls == []


def test_without_a_gpu_torch_comes_for_cpus(make):
    status, said, calls = make()
    assert status == 0, said
    (call,) = torch_calls(calls)
    assert call.endswith(f"torch --index-url {CPU_INDEX}")


def test_with_a_gpu_torch_comes_as_the_default_index_has_it(make):
    _, _, calls = make(STUB_GPU="NVIDIA something")
    (call,) = torch_calls(calls)
    assert call.endswith("torch")


@pytest.mark.parametrize(
    ("options", "gpu", "end"),
    [
        (("TORCH=default",), "", "torch"),
        (("TORCH=cpu",), "NVIDIA something", f"torch --index-url {CPU_INDEX}"),
        (("TORCH_INDEX=https://example.org/x",), "", "torch --index-url https://example.org/x"),
    ],
)
def test_which_torch_comes_can_be_said(make, options, gpu, end):
    status, said, calls = make(*options, STUB_GPU=gpu)
    assert status == 0, said
    (call,) = torch_calls(calls)
    assert call.endswith(end)


def test_a_build_of_torch_that_there_is_not_is_a_sentence(make):
    status, said, calls = make("TORCH=rocm")
    assert status != 0
    assert "TORCH=rocm is none of auto, cpu and default." in said
    assert torch_calls(calls) == []


def test_an_index_for_cpus_that_does_not_answer_is_passed_over_with_a_sentence(make):
    status, said, calls = make(STUB_NO_INDEX=CPU_INDEX)
    assert status == 0, said
    assert "The index of torch for CPUs does not answer" in said
    first, second = torch_calls(calls)
    assert first.endswith(CPU_INDEX)
    assert second.endswith("torch")


def test_packages_go_into_the_environment_of_the_checkout_and_nowhere_else(make):
    _, _, calls = make()
    installs = [call for call in calls if " install " in call]
    assert len(installs) == 2
    for call in installs:
        assert call.startswith(os.path.join(".venv", "bin", "python"))
        assert "--require-virtualenv" in call
