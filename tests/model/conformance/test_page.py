"""`docs/adding-a-model.md`: its blocks are the files of the example, and its test runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from maskstream_model.families import Family

CHECKOUT = Path(__file__).parents[3]
EXAMPLE = CHECKOUT / "examples" / "brightest_blob"
BLOCK = re.compile(r'^```(\w+)(?: title="([\w.]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall((CHECKOUT / "docs" / "adding-a-model.md").read_text())


def lines_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("name", ["pyproject.toml", "brightest_blob.py"])
def test_the_blocks_of_the_page_are_the_files_of_the_example(name):
    printed = "".join(text for _, title, text in BLOCKS if title == name)
    assert lines_of(printed) == lines_of((EXAMPLE / name).read_text())


def test_the_printed_catalogue_is_one():
    (code,) = [text for _, title, text in BLOCKS if title == "mine.py"]
    names = {"load": None}
    exec(code, names)
    family = names["FAMILY"]
    assert isinstance(family, Family)
    assert [row.file for row in family.releases] == ["mine_small.pth"]


def test_the_printed_test_of_the_laws_passes(tmp_path):
    (code,) = [text for kind, title, text in BLOCKS if (kind, title) == ("python", "")]
    (tmp_path / "test_blob.py").write_text(code)
    places = [str(CHECKOUT / "model"), str(EXAMPLE)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_blob.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert re.search(r"^\d+ passed", done.stdout, re.MULTILINE)
