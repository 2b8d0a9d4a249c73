"""The residual network: sizes of its maps, and norms that freeze, thaw and fold."""

import copy

import pytest
import torch

from maskstream_model.backbones.resnet import (
    FrozenBatchNorm2d,
    ResNet,
    fold_batch_norm,
    freeze_batch_norm,
    unfreeze_batch_norm,
)
from maskstream_model.config import ResNetConfig
from support.backbones import assert_same_maps, maps_of, norms, stirred

SMALL = {
    "basic": ResNetConfig("basic", 8, (8, 12, 16, 20), (1, 2, 1, 1)),
    "bottleneck": ResNetConfig("bottleneck", 8, (16, 24, 32, 40), (1, 2, 1, 1)),
}


@pytest.fixture(params=SMALL)
def network(request):
    """A network whose norms do something."""
    torch.manual_seed(0)
    return stirred(ResNet(SMALL[request.param]))


def test_maps_have_strides_4_to_32_and_the_configured_widths(network):
    widths = [x.shape[1] for x in maps_of(network)]
    assert tuple(widths) in {config.widths for config in SMALL.values()}
    assert [tuple(x.shape[2:]) for x in maps_of(network)] == [(16, 24), (8, 12), (4, 6), (2, 3)]


def test_a_frozen_norm_is_a_batch_norm_that_does_not_learn():
    frozen, learning = FrozenBatchNorm2d(3), torch.nn.BatchNorm2d(3).eval()
    for name in ("weight", "bias", "running_mean", "running_var"):
        tensor = torch.rand(3) + 0.5
        getattr(frozen, name).copy_(tensor)
        getattr(learning, name).data.copy_(tensor)
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(frozen(x), learning(x))
    assert list(frozen.parameters()) == []


def test_thawing_and_freezing_keep_names_and_numbers(network):
    before, names = maps_of(network), list(network.state_dict())
    thawed = unfreeze_batch_norm(network)
    assert norms(thawed) == []
    assert list(thawed.state_dict()) == names
    assert_same_maps(maps_of(thawed), before)
    frozen = freeze_batch_norm(thawed)
    assert list(frozen.state_dict()) == names
    assert_same_maps(maps_of(frozen), before)


def test_a_thawed_norm_learns_and_freezing_keeps_what_it_learned(network):
    thawed = unfreeze_batch_norm(network).train()
    start = thawed.stem.conv1.norm.running_mean.clone()
    thawed(torch.randn(2, 3, 64, 96))[-1].sum().backward()
    assert thawed.stem.conv1.norm.weight.grad is not None
    learned = thawed.stem.conv1.norm.running_mean.clone()
    assert not torch.equal(start, learned)
    assert torch.equal(freeze_batch_norm(thawed).stem.conv1.norm.running_mean, learned)


def test_folding_norms_changes_nothing_but_names(network):
    folded = fold_batch_norm(copy.deepcopy(network))
    assert norms(folded) == []
    assert not any("running_mean" in name for name in folded.state_dict())
    assert_same_maps(maps_of(folded), maps_of(network))
