"""The commands of docs/own-classes.md in their order, with fewer steps and smaller pictures."""

import json
import shlex
import subprocess
import sys

import pytest

from docs.pages import CHECKOUT, blocks
from maskstream_train.own_classes.data import open_own_data
from support.fresh_server import serving
from support.own_pictures import QUICK

MASKSTREAM = [sys.executable, "-c", "from maskstream_client.main import main; main()"]
LINES = [
    shlex.split(line)[1:]
    for block in blocks(CHECKOUT / "docs" / "own-classes.md", "")
    for line in block.splitlines()
    if line.startswith("maskstream ")
]
EXAMPLE = CHECKOUT / "examples" / "bottles"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "examples").symlink_to(CHECKOUT / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> str:
    done = subprocess.run([*MASKSTREAM, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_commands_of_the_page_lead_from_labels_to_a_stream(folder):
    train, evaluate, serve, stream = LINES
    steps = train.index("--steps")
    said = run(*train[:steps], "--steps", "4", *QUICK, *train[steps + 2 :])
    assert "Classes: bottle, hand. Learned from 10 pictures, measured on 2 others." in said
    assert (folder / "mine" / "report.html").stat().st_size > 10_000
    scores = run(*evaluate)
    assert "10 pictures" in scores
    assert "hand" in scores
    with serving(*serve[1:], "--port", "0") as (line, _):
        run(*stream, "--url", line.split()[-1])
    assert (folder / "later.mp4").stat().st_size > 10_000
    assert json.loads((folder / "later.json").read_text())["frames"] == 10


@pytest.mark.parametrize(
    ("name", "images", "counts"),
    [("labels.json", EXAMPLE / "images", (12, 41)), ("later.json", None, (10, 34))],
)
def test_the_labels_of_the_example_pass_all_checks(name, images, counts):
    data = open_own_data(EXAMPLE / name, images, None, 0.0)
    videos = data.learned.open().annotations.videos
    assert data.notes == ("NOTE",)
    assert (len(videos), sum(len(video.objects) for video in videos)) == counts
