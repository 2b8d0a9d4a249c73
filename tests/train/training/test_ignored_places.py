"""Places that nobody marked, or whose owner is doubtful, move no loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from maskstream_train.data.packed import DOUBTFUL, KNOWN, UNKNOWN
from maskstream_train.data.synthetic import Clip
from maskstream_train.training.auxiliary import AuxiliaryHeads
from maskstream_train.training.criterion import set_losses
from maskstream_train.training.run_options import RunOptions
from maskstream_train.training.stage import moment_of
from maskstream_train.training.targets import ClipBatch, FrameTargets, collate
from support.small_runs import FEW_POINTS, fresh_stage

SIDE, CELLS, CLASSES = 32, 8, 3


def _targets(ignored: int, certainty: float | None = None) -> FrameTargets:
    """Return one object in the upper left quarter; the right half is `ignored`."""
    masks = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    masks[..., :16, :16] = True
    places = torch.full((1, SIDE, SIDE), KNOWN, dtype=torch.uint8)
    places[..., 16:] = ignored
    certainties = None if certainty is None else torch.tensor([[certainty]])
    return FrameTargets(
        masks, torch.zeros(1, 1, dtype=torch.long), masks.any(-1).any(-1), places, certainties
    )


def _predictions() -> tuple[torch.Tensor, torch.Tensor]:
    """Return logits of two rows, one on the object and one in the right half, with gradients."""
    masks = torch.full((1, 1, 2, CELLS, CELLS), -2.0)
    masks[..., 0, :4, :4] = 2.0
    masks[..., 1, :, 4:] = 2.0
    logits = torch.zeros(1, 1, 2, CLASSES + 1)
    return logits.requires_grad_(), masks.requires_grad_()


def _loss(targets: FrameTargets, logits: torch.Tensor, masks: torch.Tensor, **changes) -> float:
    criterion = replace(FEW_POINTS, **changes)
    generator = torch.Generator().manual_seed(3)
    losses = set_losses(logits, masks, targets, criterion, generator)
    loss = torch.stack(list(losses.values())).sum()
    loss.backward()
    return loss.item()


@pytest.mark.parametrize(
    ("ignored", "taught"), [(KNOWN, True), (UNKNOWN, False), (DOUBTFUL, False)]
)
def test_a_row_in_a_place_not_known_does_not_learn_that_nothing_is_there(ignored, taught) -> None:
    logits, masks = _predictions()
    _loss(_targets(ignored), logits, masks)
    assert logits.grad is not None
    assert bool(logits.grad[0, 0, 0].abs().sum() > 0)  # the row of the object learns anyway
    assert bool(logits.grad[0, 0, 1].abs().sum() > 0) == taught


@pytest.mark.parametrize(("ignored", "taught"), [(KNOWN, True), (UNKNOWN, True), (DOUBTFUL, False)])
def test_a_mask_learns_nothing_from_a_doubtful_place(ignored, taught) -> None:
    logits, masks = _predictions()
    _loss(_targets(ignored), logits, masks)
    assert masks.grad is not None
    # Points close to the border of the halves read cells on both sides of it.
    assert bool(masks.grad[0, 0, 0, :, 5:].abs().sum() > 0) == taught
    assert bool(masks.grad[0, 0, 0, :, :3].abs().sum() > 0)


def test_what_is_predicted_in_a_doubtful_place_moves_no_loss() -> None:
    losses = []
    for value in (-2.0, 2.0):
        logits, masks = _predictions()
        with torch.no_grad():
            masks[..., 1, :, :] = -2.0
            masks[..., 1, :, 5:] = value
        # The second row has no mask, or one that is in the doubtful half.
        loss = _loss(_targets(DOUBTFUL), logits, masks)
        losses.append((loss, logits.grad[0, 0, 1].abs().sum().item()))
    assert losses[1][1] == 0.0
    assert losses[0][1] > 0.0


def test_a_certainty_scales_the_share_of_a_class() -> None:
    def gradient(certainty: float | None) -> torch.Tensor:
        logits, masks = _predictions()
        _loss(_targets(UNKNOWN, certainty), logits, masks, soft_classes=True)
        return logits.grad[0, 0, 0]

    assert torch.allclose(gradient(1.0), gradient(None))
    # Less is asked of the class of the object, more of "no object".
    assert gradient(0.5)[0] > gradient(1.0)[0]
    assert gradient(0.5)[CLASSES] < gradient(1.0)[CLASSES]


def test_the_dense_helper_learns_nothing_where_nobody_looked() -> None:
    torch.manual_seed(0)
    heads = AuxiliaryHeads(8, CLASSES)
    features = torch.randn(1, 8, CELLS, CELLS, requires_grad=True)
    heads(features, _targets(DOUBTFUL)).backward()
    assert features.grad is not None
    assert features.grad[..., 4:].abs().sum() == 0
    assert features.grad[..., :4].abs().sum() > 0


def test_a_clip_carries_what_is_ignored_to_its_frames_and_through_views() -> None:
    ignored = torch.arange(3, dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    masks = torch.zeros(1, 3, 1, SIDE, SIDE, dtype=torch.bool)
    clip = ClipBatch(
        torch.zeros(1, 3, SIDE, SIDE, 3, dtype=torch.uint8),
        masks,
        torch.zeros(1, 1, dtype=torch.long),
        masks.any(-1).any(-1),
        ignored=ignored,
        certainties=torch.tensor([[0.5]]),
    )
    seen = clip.select([2, 0]).to(torch.device("cpu"))
    assert seen.ignored is not None
    assert seen.ignored[0, :, 0, 0].tolist() == [2, 0]
    first = seen.frame(0)
    assert first.doubtful is not None
    assert first.doubtful.all()
    assert first.certainties is not None
    assert first.certainties.tolist() == [[0.5]]


def test_batches_know_all_of_a_clip_that_says_nothing_and_all_padding() -> None:
    def clip(side: int, **known: object) -> Clip:
        masks = np.zeros((2, 1, side, side), bool)
        masks[:, 0, :4] = True
        frames = np.zeros((2, side, side, 3), np.uint8)
        return Clip(frames, masks, np.zeros(1, np.int64), **known)

    places = np.full((2, 32, 32), UNKNOWN, np.uint8)
    half = clip(32, ignored=places, certainties=np.array([0.5]))
    batch = collate([half, clip(64)])
    assert batch.ignored is not None
    assert batch.ignored.shape == (2, 2, 64, 64)
    assert (batch.ignored[0, :, :32, :32] == UNKNOWN).all()
    assert int((batch.ignored == UNKNOWN).sum()) == 2 * 32 * 32
    assert batch.certainties is not None
    assert batch.certainties.tolist() == [[0.5], [1.0]]
    assert collate([clip(32)]).ignored is None
    assert collate([clip(32)]).certainties is None


def test_a_small_segmenter_learns_from_half_known_pictures(small_run: RunOptions) -> None:
    stage = fresh_stage("segmenter", small_run)
    masks = torch.zeros(2, 1, 1, 64, 64, dtype=torch.bool)
    masks[..., 8:40, 4:28] = True
    frames = torch.randint(60, 90, (*masks.shape[:2], 64, 64, 3), dtype=torch.uint8)
    frames[masks[:, :, 0]] = 220
    places = torch.full((2, 1, 64, 64), KNOWN, dtype=torch.uint8)
    places[..., 32:] = UNKNOWN
    clip = ClipBatch(
        frames,
        masks,
        torch.zeros(2, 1, dtype=torch.long),
        masks.any(-1).any(-1),
        ignored=places,
        certainties=torch.full((2, 1), 0.8),
    )
    optimiser = torch.optim.AdamW(stage.module.parameters(), 2e-3)
    losses = []
    for step in range(24):
        terms = stage.losses(clip, moment_of(0, step, 0.0, torch.device("cpu")))
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-4:]) < 0.7 * sum(losses[:4])
