"""Whatever the backbone is, the segmenter on it runs, and is exported for batches of any length."""

from types import SimpleNamespace

import pytest
import torch

from maskstream_model.backbones.build import build_backbone
from maskstream_model.backbones.efficientnet import EfficientNet
from maskstream_model.backbones.resnet import ResNet
from maskstream_model.backbones.swin import Swin
from maskstream_model.backbones.vit_adapter import VitAdapter
from maskstream_model.backends.interface import Source
from maskstream_model.config import (
    EfficientNetConfig,
    ResNetConfig,
    SegmenterConfig,
    SwinConfig,
    VitAdapterConfig,
)
from maskstream_model.mask2former.graph import segmenter_graph
from maskstream_model.mask2former.segmenter import Segmenter

SMALL = {
    ResNet: ResNetConfig("basic", 8, (8, 12, 16, 20), (1, 1, 1, 1)),
    EfficientNet: EfficientNetConfig(8, (4, 8, 8, 12, 12, 16, 20), (1, 2, 1, 1, 1, 1, 1)),
    Swin: SwinConfig(8, (2, 2, 2, 2), (1, 1, 2, 2), window=3),
    VitAdapter: VitAdapterConfig(
        width=8,
        depth=4,
        heads=2,
        position_grid=5,
        prior_width=4,
        sampling_heads=2,
        adapter_ffn_dim=8,
    ),
}


@pytest.mark.parametrize("kind", SMALL)
def test_the_configuration_says_which_network_is_built(kind):
    assert isinstance(build_backbone(SMALL[kind]), kind)


@pytest.mark.slow  # `test_compile.py` exports one on an EfficientNet
@pytest.mark.parametrize("kind", [ResNet, Swin, VitAdapter])
def test_segmenters_on_other_backbones_are_exported_for_any_batch(kind):
    torch.manual_seed(0)
    config = SegmenterConfig(SMALL[kind], 6, 16, 2, 1, 2, 16, 1, 16)
    segmenter = Segmenter(config, 3).eval()
    images = torch.randn(3, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    compiled = segmenter_graph(SimpleNamespace(segmenter=segmenter))
    fixed = compiled.fixed((64, 96))
    graph = Source(fixed, compiled.names, [images], "float32").program().module()
    with torch.no_grad():
        expected = segmenter(images)
        embeddings, *_ = graph(images)
    torch.testing.assert_close(embeddings, expected.embeddings, atol=1e-4, rtol=1e-4)
