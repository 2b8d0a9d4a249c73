"""The report of `maskstream bench overhead`; its server is a process of its own."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench.overhead import overhead
from maskstream_bench.stand_in import ovals
from maskstream_protocol.messages import MASK_FORMATS


@pytest.mark.slow
def test_every_encoding_of_masks_is_measured(tmp_path: Path, clip: Path):
    out = tmp_path / "report.json"
    asked = [clip, "--frames", 20, "--objects", 3, "--out", out]
    done = CliRunner().invoke(overhead, [str(each) for each in asked])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    runs = report["runs"]
    assert list(runs) == list(MASK_FORMATS)
    assert all(run["objects_per_frame"] == 3 for run in runs.values())
    assert all(run["server_cpu_ms"] > 0 for run in runs.values())
    assert min(runs, key=lambda masks: runs[masks]["result_bytes"]) == "none"
    ratio = report["ratios"]["rle / none"]["server_cpu_ms"]
    expected = runs["rle"]["server_cpu_ms"] / runs["none"]["server_cpu_ms"]
    assert ratio == pytest.approx(expected, abs=0.001)


def test_the_made_up_objects_are_seen_and_overlap_a_little():
    masks = ovals(5, (360, 640)) > 0
    assert masks.shape == (5, 360, 640)
    areas, union = masks.sum((1, 2)), masks.any(0).sum()
    assert (areas > 0.02 * masks[0].size).all()
    assert union < areas.sum() < 2 * union
