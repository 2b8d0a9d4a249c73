"""The commands of docs/own-classes.md in their order, with fewer steps and smaller pictures."""

import json
import shlex
from contextlib import closing
from pathlib import Path

import pytest

from docs.pages import CHECKOUT, blocks
from maskstream_train.own_classes.data import open_own_data
from support.forks import Forked, maskstream
from support.own_pictures import QUICK

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


@pytest.fixture
def begun(folder):
    """Begins a command in a process of its own; returns it, and the file of its stderr."""

    def begin(*words: str) -> tuple[Forked, Path]:
        log = folder / "log"
        log.unlink(missing_ok=True)
        return Forked(maskstream, *words, log=log), log

    return begin


@pytest.fixture
def run(begun):
    """Runs a command; returns what it says."""

    def done(*words: str) -> str:
        process, log = begun(*words)
        with closing(process):
            said = process.stdout.read()
            assert process.wait(300) == 0, log.read_text()
        return said + log.read_text()

    return done


def test_the_commands_of_the_page_lead_from_labels_to_a_stream(folder, begun, run):
    train, evaluate, serve, stream = LINES
    steps = train.index("--steps")
    said = run(*train[:steps], "--steps", "4", *QUICK, *train[steps + 2 :])
    assert "Classes: bottle, hand. Learned from 10 pictures, measured on 2 others." in said
    assert (folder / "mine" / "report.html").stat().st_size > 10_000
    scores = run(*evaluate)
    assert "10 pictures" in scores
    assert "hand" in scores
    server, _ = begun(*serve, "--port", "0")
    with closing(server):
        run(*stream, "--url", server.stdout.readline().split()[-1])
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
