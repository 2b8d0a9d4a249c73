"""What is installed, and with it the image: every package, and the files that are no Python."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

from maskstream_web import web_folder
from support.compose_stack import CHECKOUT

WEB = Path(str(web_folder()))
BUILD = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
PACKAGES: list[str] = BUILD["targets"]["wheel"]["packages"]


def test_the_wheel_has_the_page_and_its_client(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    served = [path for part in ("page", "client") for path in (WEB / part).rglob("*.*")]
    assert {f"maskstream_web/{path.relative_to(WEB).as_posix()}" for path in served} <= names
    assert {package.rpartition("/")[2] for package in PACKAGES} <= {
        name.partition("/")[0] for name in names
    }


def test_the_image_is_built_from_every_package():
    copied = re.findall(r"^COPY (\S+) \1$", read("docker/server.Dockerfile"), re.M)
    let_in = [line[1:].rstrip("/") for line in read(".dockerignore").split() if line[0] == "!"]
    for package in PACKAGES:
        for folders in (copied, let_in):
            assert any(f"{package}/".startswith(f"{folder}/") for folder in folders), package


def read(name: str) -> str:
    return (CHECKOUT / name).read_text()
