"""The package as npm packs it, in a project of its own: its types, and that Node finds it."""

import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from support.javascript import NO_NODE, NODE, NOT_INSTALLED, PACKAGE, TSC

LIMIT_S = 120
NPM = shutil.which("npm")
STRICT = "--noEmit --strict --target es2022 --module nodenext"
LIB = "--lib es2023,dom,dom.asynciterable,esnext.disposable"

pytestmark = [
    pytest.mark.skipif(NODE is None or NPM is None, reason=NO_NODE),
    pytest.mark.skipif(not TSC.exists(), reason=NOT_INSTALLED),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed, and a program in TypeScript."""
    folder = tmp_path_factory.mktemp("project")
    source = folder / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("node_modules", "types"))
    (source / "node_modules").symlink_to(PACKAGE / "node_modules")
    run([str(NPM), "pack", "--offline", "--pack-destination", str(folder)], source)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (folder / "node_modules" / "@maskstream").mkdir(parents=True)
    (folder / "package").rename(folder / "node_modules" / "@maskstream" / "client")
    (folder / "package.json").write_text('{"type": "module"}')
    shutil.copy(PACKAGE / "tests" / "consumer.ts", folder)
    return folder


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_a_program_in_typescript_has_its_types(project: Path):
    run([str(NODE), str(TSC.resolve()), *STRICT.split(), *LIB.split(), "consumer.ts"], project)


def test_node_finds_it_by_its_name(project: Path):
    program = "import * as client from '@maskstream/client'; console.log(client.Stream.name)"
    command = [str(NODE), "--input-type=module", "--eval", program]
    assert run(command, project) == "Stream\n"
    package = project / "node_modules" / "@maskstream" / "client"
    assert not (package / "maskstream_web" / "page").exists()
    assert not (package / "tests").exists()
