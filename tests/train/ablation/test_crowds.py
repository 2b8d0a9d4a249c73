"""The trial of repulsion: small runs, and its measures by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_train.ablation import crowds
from maskstream_train.ablation.crowds import CROWDED, Trial, qualities, run_trial
from maskstream_train.training.mdqe.assignment import ClipOutput
from maskstream_train.training.mdqe.truth import ClipTruth, boxes_of


def test_a_finished_run_is_not_done_again(tmp_path, monkeypatch):
    clips = replace(CROWDED, height=64, width=64)
    trial = Trial(tmp_path, steps=2, num_seeds=1, clips=clips, test_clips=2)
    lines = []
    first = run_trial(trial, lines.append)
    assert [line.split(":")[0] for line in lines] == ["usual losses, seed 0", "repulsion, seed 0"]
    monkeypatch.setattr(crowds, "train", None)
    assert run_trial(trial, lines.append) == first
    written = json.loads((tmp_path / "crowds.json").read_text())
    assert written["repulsion"]["steps"]["mean"] == 2
    assert 0 <= written["repulsion"]["iou"]["mean"] <= 1


def test_masks_are_measured_on_the_object_near_it_and_away():
    """Two neighbours and one alone, on a picture of 4x16 cells."""
    masks = torch.zeros(3, 1, 4, 16, dtype=torch.bool)
    for mask, (left, right) in zip(masks, ((0, 5), (4, 8), (12, 16)), strict=True):
        mask[..., left:right] = True
    masks[0, ..., 4] = False
    frames = masks.transpose(0, 1)
    boxes = boxes_of(frames)
    boxes[0, 0, 2] = 0.4  # Half hidden: its box reaches into that of its neighbour.
    truth = ClipTruth(masks, torch.tensor([0, 1, 2]), boxes, frames.flatten(2).any(2))
    logits = torch.where(masks, 10.0, -10.0)
    logits[0, ..., 4:6] = 10.0  # Half of its neighbour.
    output = ClipOutput(torch.zeros(3, 3), logits, boxes)
    first, second, third = qualities(output, truth)
    assert first == pytest.approx((4 / 6, 1.0, 0.5, 0.0), abs=1e-3)
    assert second == pytest.approx((1.0, 1.0, 0.0, 0.0), abs=1e-3)
    assert third[:2] == pytest.approx((1.0, 1.0), abs=1e-3)
    assert np.isnan(third[2])
