"""docs/structure.md says what is true: of imports by contracts, of packages by their names."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "structure.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_sentence_about_imports_is_a_contract_and_every_contract_a_sentence():
    sentences = re.findall(r"^- (.*)\.$", section("Imports"), re.MULTILINE)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert sentences == [contract["name"] for contract in contracts]


@pytest.mark.parametrize(
    ("title", "folder"),
    [
        ("Packages of the server", "server/maskstream_server"),
        ("Packages of training (`maskstream_train`)", "model/maskstream_train"),
    ],
)
def test_every_package_has_its_line(title: str, folder: str):
    lines = re.findall(r"^\| (`[^|]*) \|", section(title), re.MULTILINE)
    named = {name.rstrip("/") for line in lines for name in re.findall(r"`([^`]*)`", line)}
    packages = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
    assert packages <= named
    assert all((ROOT / folder / name).exists() for name in named)


def test_a_frame_is_carried_by_at_most_ten_types_that_exist():
    listed = section("Life of a frame").split("from payload to RESULT: ")[1].split(". A line")[0]
    names = [name for name in re.findall(r"`(\w+)`", listed) if name != "RESULT"]
    sources = "\n".join(
        path.read_text()
        for folder in ("server", "model/maskstream_model")
        for path in (ROOT / folder).rglob("*.py")
    )
    assert 5 < len(names) <= 10
    assert [name for name in names if f"\nclass {name}" not in sources] == []
