"""The commands of docs/own-classes.md in their order, with fewer steps and smaller pictures."""

import json
import shlex

import pytest
from click.testing import CliRunner

from docs.pages import CHECKOUT, blocks
from maskstream_client.commands import stream
from maskstream_train.commands import evaluate, train
from maskstream_train.own_classes.data import open_own_data
from support.fresh_server import serving
from support.own_pictures import QUICK

EXAMPLE = CHECKOUT / "examples" / "bottles"
TRAIN, EVAL, SERVE, STREAM = (
    shlex.split(line)[2:]
    for block in blocks(CHECKOUT / "docs" / "own-classes.md", "")
    for line in block.splitlines()
    if line.startswith("maskstream ")
)


def run(command, *words):
    done = CliRunner().invoke(command, words)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder in which all commands are typed, after the first one; and what that said."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "examples").symlink_to(CHECKOUT / "examples")
    steps = TRAIN.index("--steps")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, run(train, *TRAIN[:steps], "--steps", "2", *QUICK, *TRAIN[steps + 2 :])


def test_the_commands_of_the_page_lead_from_labels_to_a_stream(trained, monkeypatch):
    folder, said = trained
    monkeypatch.chdir(folder)
    assert "Classes: bottle, hand (known already: bottle). Learned from 10 pictures" in said
    assert (folder / "mine" / "report.html").stat().st_size > 10_000
    scores = run(evaluate, *EVAL)
    assert "10 pictures" in scores
    assert "hand" in scores
    with serving(*SERVE, "--port", "0") as (line, _):
        run(stream, *STREAM, "--url", line.split()[-1])
    assert (folder / "later.mp4").stat().st_size > 10_000
    assert json.loads((folder / "later.json").read_text())["frames"] == 10


@pytest.mark.parametrize(
    ("name", "images", "counts"),
    [("labels.json", EXAMPLE / "images", (12, 41)), ("later.json", None, (10, 34))],
)
def test_the_labels_of_the_example_pass_all_checks(name, images, counts):
    data = open_own_data(EXAMPLE / name, images, None, 0.2)
    parts = (data.learned.open().annotations, data.measured.open().annotations)
    videos = [video for part in parts for video in part.videos]
    assert data.held_back
    assert data.notes == ()
    assert (len(videos), sum(len(video.objects) for video in videos)) == counts
