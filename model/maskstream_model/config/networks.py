"""What is built: widths, depths and heads of every network."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ResNetConfig:
    """Residual network; `widths` are output channels of res2..res5 (strides 4, 8, 16, 32)."""

    block: Literal["bottleneck", "basic"] = "bottleneck"
    stem_width: int = 64
    widths: tuple[int, int, int, int] = (256, 512, 1024, 2048)
    depths: tuple[int, int, int, int] = (3, 4, 6, 3)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return f"resnet ({self.block})"


@dataclass(frozen=True)
class SwinConfig:
    """Swin Transformer; the defaults are the released Swin-L (docs/model.md 2.2).

    Attributes:
        width: channels of res2; every further stage has twice as many.
        depths: blocks of the four stages.
        heads: attention heads of the four stages.
        window: tokens along a window's side.
        mlp_ratio: hidden width of the feed-forward networks, in widths of their stage.
    """

    width: int = 192
    depths: tuple[int, int, int, int] = (2, 2, 18, 2)
    heads: tuple[int, int, int, int] = (6, 12, 24, 48)
    window: int = 12
    mlp_ratio: int = 4

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "swin"

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Output channels of res2..res5 (strides 4, 8, 16, 32)."""
        return self.width, 2 * self.width, 4 * self.width, 8 * self.width


@dataclass(frozen=True)
class SwinV2Config(SwinConfig):
    """Swin Transformer V2: attention by cosine, positions by a small network.

    Attributes:
        position_width: hidden width of that network.
        picture: side of the pictures that it was made for, in pixels. A stage whose map of these is
            no larger than a window has one window of its size, which is never shifted.
    """

    position_width: int = 512
    picture: int = 192

    @property
    def windows(self) -> tuple[int, int, int, int]:
        """Tokens along a window's side in the four stages."""
        first, second, third, fourth = (min(self.window, side) for side in self._sides)
        return first, second, third, fourth

    @property
    def shifted(self) -> tuple[bool, bool, bool, bool]:
        """Whether every second block of a stage shifts its windows."""
        first, second, third, fourth = (side > self.window for side in self._sides)
        return first, second, third, fourth

    @property
    def _sides(self) -> list[int]:
        return [self.picture // stride for stride in (4, 8, 16, 32)]

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "swin v2"


@dataclass(frozen=True)
class VitAdapterConfig:
    """Vision transformer with an adapter; the defaults are the released ViT-L (docs/model.md 2.3).

    Attributes:
        width: channels of all four maps.
        depth: blocks, a multiple of 4.
        heads: attention heads of a block.
        mlp_ratio: hidden width of a block's feed-forward network, in widths.
        position_grid: cells along a side of the grid that positions were learned for.
        prior_width: channels of the first convolutions of the spatial prior.
        sampling_heads: attention heads of the adapter.
        adapter_ffn_dim: hidden width of the adapter's feed-forward networks.
        extra_extractors: how often the adapter reads once more at the end.
    """

    width: int = 1024
    depth: int = 24
    heads: int = 16
    mlp_ratio: int = 4
    position_grid: int = 37
    prior_width: int = 64
    sampling_heads: int = 16
    adapter_ffn_dim: int = 256
    extra_extractors: int = 2

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "vit-adapter"

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Output channels of res2..res5 (strides 4, 8, 16, 32)."""
        return self.width, self.width, self.width, self.width


@dataclass(frozen=True)
class EfficientNetConfig:
    """EfficientNet-Lite; the defaults are Lite0.

    Attributes:
        stem_width: channels of the first convolution.
        stage_widths: output channels of the seven stages.
        stage_depths: blocks of the seven stages.
    """

    stem_width: int = 32
    stage_widths: tuple[int, ...] = (16, 24, 40, 80, 112, 192, 320)
    stage_depths: tuple[int, ...] = (1, 2, 2, 3, 3, 4, 1)

    @property
    def kind(self) -> str:
        """What it is, for people."""
        return "efficientnet-lite"

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Output channels of res2..res5 (strides 4, 8, 16, 32)."""
        _, res2, res3, _, res4, _, res5 = self.stage_widths
        return res2, res3, res4, res5


BackboneConfig = ResNetConfig | SwinConfig | VitAdapterConfig | EfficientNetConfig


@dataclass(frozen=True)
class SegmenterConfig:
    """Mask2Former; the defaults are the released ResNet-50 models (docs/model.md 2).

    Attributes:
        backbone: gives maps of strides 4 to 32.
        num_queries: `Q`, segment queries.
        hidden_dim: `C`, width of queries and maps; the mask features have as many channels.
        num_heads: attention heads of a decoder layer.
        pixel_layers: deformable layers of the pixel decoder.
        pixel_heads: attention heads of one of them.
        pixel_ffn_dim: hidden width of their feed-forward networks.
        decoder_layers: of the masked-attention decoder.
        decoder_ffn_dim: hidden width of its feed-forward networks.
    """

    backbone: BackboneConfig = ResNetConfig()
    num_queries: int = 100
    hidden_dim: int = 256
    num_heads: int = 8
    pixel_layers: int = 6
    pixel_heads: int = 8
    pixel_ffn_dim: int = 1024
    decoder_layers: int = 9
    decoder_ffn_dim: int = 2048


@dataclass(frozen=True)
class TrackerConfig:
    """The two query trackers of DVIS-DAQ (docs/model.md 3.1).

    Attributes:
        num_layers: layers of each tracker.
        num_heads: attention heads of a layer.
        ffn_dim: hidden width of the feed-forward networks.
        num_background: background rows beside the tracks in tracker 2.
        static_anchors: emergence anchors with learned features and positions, the same on every
            frame, in place of the dynamic ones; 0 for dynamic ones. For comparisons only.
        soft_classes: its class heads learned from soft targets, so that the sum of the class
            probabilities says whether a query shows an object (docs/decisions/0076).
    """

    num_layers: int = 6
    num_heads: int = 8
    ffn_dim: int = 2048
    num_background: int = 5
    static_anchors: int = 0
    soft_classes: bool = False


@dataclass(frozen=True)
class RefinerConfig:
    """The temporal refiner of an offline model (docs/model.md 4, point 5).

    Attributes:
        num_layers: of the refiner.
        num_heads: attention heads of a layer.
        ffn_dim: hidden width of the feed-forward networks.
        local_attention: whether convolutions over time follow the attention along it.
    """

    num_layers: int = 6
    num_heads: int = 8
    ffn_dim: int = 2048
    local_attention: bool = False
