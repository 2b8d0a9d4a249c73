"""Pilots look where objects are and answer for them."""

import pytest
import torch

from maskstream_model.mask2former.segmenter import Features, Segmenter
from maskstream_train.training.criterion import Criterion
from maskstream_train.training.pilots import GROUPS, pilot_loss
from maskstream_train.training.targets import FrameTargets
from support.tiny import tiny_config


@pytest.fixture
def decoder():
    torch.manual_seed(0)
    config = tiny_config()
    return Segmenter(config.segmenter, config.num_classes).sem_seg_head.predictor


@pytest.fixture
def features(decoder):
    width = decoder.query_feat.embedding_dim
    levels = [torch.randn(2, width, 64 // stride, 64 // stride) for stride in (32, 16, 8)]
    mask_features = torch.randn(2, width, 16, 16)
    return Features(mask_features, levels, mask_features)


def objects(present=True):
    """Two frames with two objects each: a small one in a corner, and the lower half."""
    masks = torch.zeros(2, 2, 64, 64, dtype=torch.bool)
    masks[:, 0, :3, :3], masks[:, 1, 32:] = True, True
    return FrameTargets(masks, torch.tensor([[0, 1], [1, 0]]), torch.full((2, 2), present))


def loss_of(decoder, features, targets):
    return pilot_loss(decoder, features, targets, Criterion(), torch.Generator().manual_seed(1))


def seen_by(decoder, features, targets):
    """Return the attention masks that the first layers are given."""
    seen = []
    refine = decoder.refine

    def watched(state, positions, levels, given):
        seen.extend(given)
        return refine(state, positions, levels, given)

    decoder.refine = watched
    loss_of(decoder, features, targets)
    return seen


def test_every_level_is_shown_once_and_mostly_where_the_object_is(decoder, features):
    coarse, middle, fine = seen_by(decoder, features, objects())
    assert [given.shape for given in (coarse, middle, fine)] == [
        (2, 2 * GROUPS, cells) for cells in (4, 16, 64)
    ]
    lower_half = ~fine.unflatten(2, (8, 8))[:, 1::2]
    assert lower_half[..., 4:, :].float().mean() > 0.75
    assert lower_half[..., :4, :].float().mean() < 0.25


def test_no_pilot_is_blind_even_when_its_object_is_smaller_than_a_cell(decoder, features):
    assert not any(given.all(-1).any() for given in seen_by(decoder, features, objects()))


def test_absent_objects_cost_nothing_and_can_still_be_differentiated(decoder, features):
    loss = loss_of(decoder, features, objects(present=False))
    loss.backward()
    assert loss.item() == 0.0


def test_every_layer_and_the_start_states_learn_from_pilots(decoder, features):
    loss_of(decoder, features, objects()).backward()
    silent = [
        name
        for name, parameter in decoder.named_parameters()
        if parameter.grad is None and not name.startswith("reid_embed")
    ]
    assert silent == []
