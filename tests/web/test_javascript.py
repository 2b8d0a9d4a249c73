"""The client in JavaScript: its types, and its own tests by Node's runner."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from maskstream_web import web_folder

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "clients" / "web"
TSC = PACKAGE / "node_modules" / ".bin" / "tsc"
LIMIT_S = 300
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node")


def run_node(*command: str) -> str:
    """What a command says; it has to succeed."""
    assert NODE is not None
    done = subprocess.run(
        [NODE, *command],
        cwd=PACKAGE,
        env=os.environ | {"MASKSTREAM_TEST_DATA": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_python_package_gives_the_folder_of_the_sources():
    assert (web_folder() / "client" / "index.js").is_file()


@pytest.mark.skipif(not TSC.exists(), reason="TypeScript is not installed: make test-web")
def test_the_types_are_right():
    run_node(str(TSC.resolve()))


def test_nodes_own_tests_pass():
    tests = sorted(str(path) for path in (PACKAGE / "tests").glob("*.test.js"))
    run_node("--test", *tests)
