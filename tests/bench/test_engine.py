"""The report of `maskstream bench engine`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench.engine import engine

CHECKOUT = Path(__file__).parents[2]
PARTS = {"product_ms", "segmenter_ms", "whole_ms", "crops_ms", "parts_ms"}


@pytest.mark.parametrize("against", [True, False])
def test_parts_of_two_checkouts_are_measured_in_turns(clip: Path, against: bool):
    other = ["--against", str(CHECKOUT)] if against else []
    asked = [str(clip), "--weights", "random", "--rounds", "2", *other]
    done = CliRunner().invoke(engine, asked)
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    runs = report["runs"]
    assert set(runs) == {"this", "other"} if against else {"this"}
    for run in runs.values():
        assert set(run) == {*PARTS, "segmenter_products"}
        assert all(run[part]["n"] == 2 for part in PARTS)
        assert run["segmenter_ms"]["p50"] > 0
    if against:
        ratio = report["ratios"]["this / other"]
        assert set(ratio) == {*PARTS, "segmenter_products"}
        assert ratio["segmenter_ms"]["p50"] > 0
    else:
        assert report["ratios"] == {}


def test_a_worker_that_cannot_start_is_one_sentence():
    done = CliRunner().invoke(engine, ["--model", "demon", "--rounds", "1"])
    assert done.exit_code == 2
    assert "A checkout could not load the model" in done.output


def test_a_backend_that_cannot_run_is_named_without_a_traceback(capfd):
    done = CliRunner().invoke(engine, ["--weights", "random", "--backend", "tensorrt"])
    assert done.exit_code == 2
    said = capfd.readouterr().err
    assert "Error: tensorrt is not used: " in said
    assert "Traceback" not in said
