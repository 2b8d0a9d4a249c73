"""The trial of repulsion: small runs, and its measures by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from maskstream_train.ablation import crowds
from maskstream_train.ablation.crowds import CROWDED, Trial, best_masks, run_trial
from support.datasets import box

SIZE = (10, 10)


def test_a_finished_run_is_not_done_again(tmp_path, monkeypatch):
    clips = replace(CROWDED, height=64, width=64)
    trial = Trial(
        tmp_path, steps=2, num_seeds=1, clips=clips, batch_size=2, test_clips=1, test_frames=2
    )
    lines = []
    first = run_trial(trial, lines.append)
    assert [line.split(":")[0] for line in lines] == ["usual losses, seed 0", "repulsion, seed 0"]
    monkeypatch.setattr(crowds, "train", None)
    assert run_trial(trial, lines.append) == first
    written = json.loads((tmp_path / "crowds.json").read_text())
    assert written["repulsion"]["steps"]["mean"] == 2


def test_the_best_mask_of_an_object_may_spill_over_others():
    truth = np.stack([box(0, 0, 10, 4, SIZE), box(0, 6, 10, 10, SIZE)])
    masks = np.stack([box(0, 0, 10, 8, SIZE), box(0, 7, 10, 10, SIZE)])
    (first, second) = best_masks(masks, truth)
    assert first == pytest.approx((40 / 80, 20 / 80))
    assert second == pytest.approx((30 / 40, 0.0))


def test_objects_that_nothing_shows_are_not_found():
    truth = np.stack([box(0, 0, 10, 4, SIZE), np.zeros(SIZE, bool)])
    assert best_masks(np.zeros((0, *SIZE), bool), truth) == [(0.0, 0.0)]
    assert best_masks(truth[:1], np.zeros((0, *SIZE), bool)) == []
