"""The report of `maskstream bench model`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench.model import model


@pytest.mark.parametrize(("with_clip", "size"), [(True, "96x64"), (False, "640x360")])
def test_whole_steps_are_timed_one_by_one(clip: Path, with_clip: bool, size: str):
    asked = ("--weights", "random", "--frames", "3", "--threads", "1")
    done = CliRunner().invoke(model, [str(clip), *asked] if with_clip else asked)
    assert done.exit_code == 0, done.output
    run = json.loads(done.output)["runs"]["model"]
    assert (run["name"], run["size"], run["threads"]) == ("demo", size, 1)
    assert run["frames"] == run["step_ms"]["n"] == run["tracks"]["n"] == 3
    assert 0 < run["step_ms"]["p50"] <= run["step_ms"]["max"] <= 1e3 * run["seconds"]
