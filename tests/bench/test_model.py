"""The report of `maskstream bench model`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench.model import model, step_all
from maskstream_server.config.settings import Settings
from support.sgmg import tiny_model
from support.tiny import tiny_frames


@pytest.mark.parametrize(("with_clip", "size"), [(True, "96x64"), (False, "640x360")])
def test_whole_steps_are_timed_one_by_one(clip: Path, with_clip: bool, size: str):
    asked = ("--weights", "random", "--frames", "3", "--threads", "1")
    done = CliRunner().invoke(model, [str(clip), *asked] if with_clip else asked)
    assert done.exit_code == 0, done.output
    run = json.loads(done.output)["runs"]["model"]
    assert (run["name"], run["size"], run["threads"]) == ("demo", size, 1)
    assert run["frames"] == run["step_ms"]["n"] == run["tracks"]["n"] == 3
    assert 0 < run["step_ms"]["p50"] <= run["step_ms"]["max"] <= 1e3 * run["seconds"]


def test_a_late_model_of_sentences_answers_all_frames():
    run = step_all(Settings(threads=1), tiny_model(), tiny_frames(6, seed=1))
    assert run["frames"] == run["tracks"]["n"] == 6
    # The last two frames are answered by a flush.
    assert run["step_ms"]["n"] == 7
