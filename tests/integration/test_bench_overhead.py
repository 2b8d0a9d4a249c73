"""The report of `maskstream bench overhead`; its server is a process of its own."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from maskstream_server.bench.commands import bench_overhead
from maskstream_server.bench.overhead import blobs
from support.lossless import write_lossless
from support.tiny import tiny_frames


@pytest.mark.slow
def test_every_way_in_which_masks_travel_is_measured(tmp_path: Path):
    clip = write_lossless(tmp_path / "clip.mkv", tiny_frames(2))
    out = tmp_path / "report.json"
    asked = [clip, "--frames", 20, "--objects", 3, "--out", out]
    done = CliRunner().invoke(bench_overhead, [str(each) for each in asked])
    assert done.exit_code == 0, done.output
    report = json.loads(out.read_text())
    assert (report["size"], report["objects"], report["frames"]) == ("96x64", 3, 20)
    sizes = {
        form: report[form]["of_which_result"]
        for form in ("none", "rle", "bits", "labelmap", "polygons")
    }
    assert min(sizes, key=sizes.__getitem__) == "none"
    assert all(report[form]["server_cpu_ms"] > 0 for form in sizes)


def test_the_made_up_objects_are_seen_and_overlap_a_little():
    masks = blobs(5, (360, 640)) > 0
    assert masks.shape == (5, 90, 160)
    areas, union = masks.flatten(1).sum(1), masks.any(0).sum()
    assert (areas > 0.02 * masks[0].numel()).all()
    assert union < areas.sum() < 2 * union
    assert torch.equal(masks, blobs(5, (360, 640)) > 0)
