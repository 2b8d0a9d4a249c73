"""EfficientNet-Lite: sizes of its maps, TensorFlow's padding, norms that freeze, thaw and fold."""

import pytest
import torch
from torch.nn import functional as F

from maskstream_model.backbones.efficientnet import EfficientNet, SameConvNorm
from maskstream_model.backbones.resnet import (
    fold_batch_norm,
    freeze_batch_norm,
    unfreeze_batch_norm,
)
from maskstream_model.config import EfficientNetConfig
from support.backbones import assert_same_maps, maps_of, stirred

SMALL = EfficientNetConfig(8, (4, 8, 12, 12, 16, 16, 20), (1, 2, 1, 2, 1, 1, 1))


@pytest.fixture
def network():
    """A network whose norms do something."""
    torch.manual_seed(0)
    return stirred(EfficientNet(SMALL))


def test_maps_have_strides_4_to_32_and_the_configured_widths(network):
    maps = maps_of(network)
    assert tuple(x.shape[1] for x in maps) == SMALL.widths == (8, 12, 16, 20)
    assert [tuple(x.shape[2:]) for x in maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]


@pytest.mark.parametrize(
    ("kernel", "stride", "before", "after"),
    [(1, 1, 0, 0), (3, 1, 1, 1), (3, 2, 0, 1), (5, 1, 2, 2), (5, 2, 1, 2)],
)
def test_what_is_uneven_is_padded_right_and_below(kernel, stride, before, after):
    conv = SameConvNorm(2, 3, kernel, stride)
    x = torch.randn(1, 2, 8, 12)
    padded = F.pad(x, (before, after, before, after))
    expected = conv.norm(F.conv2d(padded, conv.weight, stride=stride))
    assert expected.shape[2:] == (8 // stride, 12 // stride)
    torch.testing.assert_close(conv(x), expected, atol=1e-5, rtol=1e-5)


def test_norms_freeze_thaw_and_fold_without_a_change(network):
    before, names = maps_of(network), list(network.state_dict())
    thawed = unfreeze_batch_norm(network)
    assert list(thawed.state_dict()) == names
    assert_same_maps(maps_of(thawed), before)
    assert_same_maps(maps_of(fold_batch_norm(freeze_batch_norm(thawed))), before)


def test_under_autocast_it_keeps_float32(network):
    with torch.autocast("cpu", torch.bfloat16):
        assert {x.dtype for x in maps_of(network)} == {torch.float32}
