"""The report of `maskstream bench units`."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from maskstream_bench.units import overlap, units
from maskstream_protocol.frames import PACKET_CODECS


def test_every_codec_is_measured_beside_jpeg(clip: Path):
    asked = ["--weights", "random", "--frames", "3", "--threads", "1", "--size", "96x64"]
    done = CliRunner().invoke(units, [str(clip), *asked, "--quality", "80"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.output)
    assert list(report["runs"]) == [f"{codec} 80" for codec in ("jpeg", *PACKET_CODECS)]
    for run in report["runs"].values():
        assert run["frame_bytes"] > 0
        assert 0 <= run["iou"] <= run["mask_iou"] <= 1
    assert list(report["ratios"]) == [f"jpeg 80 / {codec} 80" for codec in PACKET_CODECS]


def square(left: int, side: int = 10) -> np.ndarray:
    mask = np.zeros((20, 40), np.bool_)
    mask[:side, left : left + side] = True
    return mask


@pytest.mark.parametrize(
    ("found", "iou", "mask_iou"),
    [
        ([{7: square(0)}, {7: square(5)}], 1.0, 1.0),
        ([{}, {}], 0.0, 1.0),
        ([{7: square(5)}, {7: square(10)}], 1 / 3, 1 / 3),
        # It is shown on one frame of two.
        ([{}, {7: square(5)}], 1 / 2, 1.0),
        # The identity changes: one of the two frames counts.
        ([{7: square(0)}, {8: square(5)}], 1 / 3, 1.0),
        # A second track covers the same.
        ([{7: square(0), 8: square(0)}, {7: square(5)}], 2 / 3, 1.0),
    ],
)
def test_tracks_are_compared_over_all_frames(found, iou, mask_iou):
    truth = [{1: square(0)}, {1: square(5)}]
    assert overlap(truth, found) == pytest.approx((iou, mask_iou))
    assert overlap(truth, truth) == (1.0, 1.0)
    assert overlap([{}], [{}]) == (1.0, 1.0)
