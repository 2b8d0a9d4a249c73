"""From the facts of a backbone to its network, whichever kind it is."""

from torch import nn

from maskstream_model.backbones.efficientnet import EfficientNet
from maskstream_model.backbones.resnet import ResNet
from maskstream_model.backbones.swin import Swin
from maskstream_model.backbones.vit_adapter import VitAdapter
from maskstream_model.config import (
    BackboneConfig,
    EfficientNetConfig,
    SwinConfig,
    VitAdapterConfig,
)


def build_backbone(config: BackboneConfig) -> nn.Module:
    """Return a network from `images (B, 3, height, width)` to four maps of strides 4 to 32."""
    if isinstance(config, SwinConfig):
        return Swin(config)
    if isinstance(config, VitAdapterConfig):
        return VitAdapter(config)
    if isinstance(config, EfficientNetConfig):
        return EfficientNet(config)
    return ResNet(config)
