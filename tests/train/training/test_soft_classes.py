"""Soft classes: a row shows its class as much as its mask is right."""

import math
from dataclasses import replace

import pytest
import torch

from maskstream_train.training.batches import ClipBatches
from maskstream_train.training.criterion import (
    Criterion,
    in_layers,
    matched_pairs,
    matched_rows,
    set_losses,
)
from maskstream_train.training.losses import MaskPairs, class_loss, mask_ious
from maskstream_train.training.matcher import UNMATCHED
from maskstream_train.training.rollout import Rollout
from maskstream_train.training.targets import FrameTargets
from support.small_runs import FEW_POINTS, fresh_stage

SOFT = replace(FEW_POINTS, soft_classes=True)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_the_loss_is_least_where_the_class_has_its_share():
    def loss(probability: float) -> float:
        logits = torch.tensor([[[probability, 1 - probability]]]).log()
        return class_loss(logits, torch.tensor([[0]]), 1.0, torch.tensor([[0.7]])).item()

    assert loss(0.7) < min(loss(0.6), loss(0.8))
    assert loss(0.7) == pytest.approx(-0.7 * math.log(0.7) - 0.3 * math.log(0.3), rel=1e-5)


def test_shares_of_one_change_nothing():
    logits, classes = torch.randn(2, 5, 4), torch.randint(4, (2, 5))
    whole = class_loss(logits, classes, 0.1)
    assert class_loss(logits, classes, 0.1, torch.ones(2, 5)).item() == pytest.approx(whole.item())


def test_a_share_is_the_overlap_of_mask_and_truth():
    masks = torch.zeros(2, 16, 16, dtype=torch.bool)
    masks[0, :8], masks[1, 8:] = True, True
    drawn = torch.full((3, 4, 4), -1.0)
    drawn[0, :2], drawn[1, :3], drawn[2, :2] = 1.0, 1.0, 1.0
    ious = mask_ious(MaskPairs(drawn, masks, torch.tensor([0, 0, 1])))
    torch.testing.assert_close(ious, torch.tensor([1.0, 2 / 3, 0.0]))


def test_shares_reach_the_rows_that_are_matched():
    rows = torch.tensor([[[2, UNMATCHED], [0, 1]], [[1, 0], [UNMATCHED, 2]]])  # (L, B, O) of 3 rows
    own_number = torch.arange(12.0).view(2, 2, 3, 1, 1)
    targets = FrameTargets(
        torch.ones(2, 2, 4, 4, dtype=torch.bool), torch.zeros(2, 2, dtype=torch.int64), rows[0] >= 0
    )
    pairs = matched_pairs(own_number, rows, targets)
    assert matched_rows(rows, 3).tolist() == pairs.mask_logits.flatten().tolist()


def test_layers_are_numbered_through():
    assert in_layers(torch.tensor([1, 4]), 3, 5).tolist() == [1, 4, 6, 9, 11, 14]


def test_a_right_mask_wants_its_class_and_a_wrong_one_wants_none(generator):
    masks = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    masks[..., :16, :] = True
    sure = torch.tensor([9.0, 0.0]).expand(1, 1, 1, 2)
    targets = FrameTargets(masks, torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1) > 0)

    def loss(criterion: Criterion, sign: float) -> float:
        drawn = sign * torch.where(masks[..., ::4, ::4], 9.0, -9.0)[None, :, :, :, :]
        return set_losses(sure, drawn, targets, criterion, generator)["class"].item()

    assert loss(SOFT, 1.0) == pytest.approx(loss(FEW_POINTS, 1.0))
    assert loss(SOFT, -1.0) > 100 * loss(FEW_POINTS, -1.0)


def test_the_tracker_stage_knows_which_rows_its_masks_are_of(small_run, generator):
    stage = fresh_stage("tracker", small_run)
    clip = ClipBatches(small_run.plan)[0]
    with torch.no_grad():
        frames = stage._frames(clip)
        roll = Rollout(stage._tracker, small_run.tracker, FEW_POINTS.cost, short=False)
        first, second = roll.run(frames, clip, stage._segmenter.query_features, generator)
        for rows in [*first, *second]:
            features = frames[rows.frame].mask_features
            masks, _, places = stage._pairs(rows, clip, features)
            everyone = stage._tracker.segment(rows.states[-1], features).flatten(0, 1)
            torch.testing.assert_close(masks[-1], everyone[places])
    assert second
