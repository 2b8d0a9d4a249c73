"""MDQE's network: frames become tokens once, clips of them queries (docs/model.md 14)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from maskstream_model.aliases import Pause, Size
from maskstream_model.backbones.resnet import ResNet
from maskstream_model.backbones.swin_v2 import SwinV2
from maskstream_model.config.networks import ResNetConfig, SwinV2Config
from maskstream_model.constants import MAX_SIZES, kept
from maskstream_model.mask2former.geometry import geometry
from maskstream_model.mdqe.attention import POINTS
from maskstream_model.mdqe.boxes import sampled_frames
from maskstream_model.mdqe.config import NetworkConfig
from maskstream_model.mdqe.decoder import ClipTokens, Decoder, SharedHeads
from maskstream_model.mdqe.encoder import InputProjection, LevelTransformer
from maskstream_model.mdqe.layers import GeluLayers, split_levels
from maskstream_model.mdqe.mask_head import MaskHead
from maskstream_model.mdqe.padding import level_shapes
from maskstream_model.mdqe.queries import chosen_points, features_at, followed


@dataclass(frozen=True)
class EncodedFrames:
    """What is known of `T` frames without their clip.

    Attributes:
        tokens: `(T, S, C)` of the levels of strides 8 to 64, row by row.
        padding: `(T, S)` bool, cells that are no part of the picture.
        mask_features: `(T, M, H / 4, W / 4)`, nowhere below 0.
        padded: `(H, W)` of the frames in the network.
    """

    tokens: Tensor
    padding: Tensor
    mask_features: Tensor
    padded: Size

    def __getitem__(self, index: slice) -> "EncodedFrames":
        """Return some of the frames."""
        return EncodedFrames(
            self.tokens[index], self.padding[index], self.mask_features[index], self.padded
        )

    def __len__(self) -> int:
        """How many frames."""
        return len(self.tokens)

    def levels(self) -> list[Tensor]:
        """Return the levels as maps `(T, C, h, w)`."""
        return split_levels(self.tokens, level_shapes(self.padded))


@dataclass(frozen=True)
class ClipQueries:
    """Output for a clip of `T` frames.

    Attributes:
        scores: `(Q, K)` probabilities of classes.
        coefficients: `(Q, M)`, -1 to 1, of the mask features.
        embeds: `(Q, C)` by which instances of two clips are compared.
    """

    scores: Tensor
    coefficients: Tensor
    embeds: Tensor


class ClipDecoder(nn.Module):
    """Heads and decoder, by the released names."""

    def __init__(self, config: NetworkConfig, num_classes: int) -> None:
        super().__init__()
        width = config.width
        self.config = config
        self.decoder_norm = nn.LayerNorm(width)
        self.bbox_embed = GeluLayers(width, width, 4)
        self.point2pos_proj = nn.Linear(2, width)
        self.decoder = Decoder(config)
        self.rpn_cls_embed = GeluLayers(width, width, num_classes)
        self.cls_embed = GeluLayers(width, width, num_classes)
        self.track_embed = GeluLayers(width, width, config.track_width)
        self.mask_head = MaskHead(width, config.mask_width)
        self.mask_embed = GeluLayers(width, width, config.mask_width)
        self._frames_geometry = kept(geometry, 2 * MAX_SIZES)

    def begin(self, clip: EncodedFrames) -> tuple[Tensor, Tensor]:
        """Return the features `(T, Q, C)` and places `(T, Q, 2)` that a clip's queries begin with.

        Those of each frame are in the order of the middle one.
        """
        levels = clip.levels()
        logits = self.rpn_cls_embed(levels[0].movedim(1, -1))  # (T, h, w, C) -> (T, h, w, K)
        points = chosen_points(logits.sigmoid().amax(-1), self.config.grid)
        return self.aligned(features_at(levels, points), points)

    def aligned(self, features: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and points, the queries of each frame in the order of the middle one."""
        if len(points) == 1:
            return features, points
        order = followed(self.track_embed(features), self.config.grid, self.config.search)
        return (
            torch.stack([x[rows] for x, rows in zip(features, order, strict=True)]),
            torch.stack([x[rows] for x, rows in zip(points, order, strict=True)]),
        )

    def decode(
        self, clip: EncodedFrames, x: Tensor, points: Tensor
    ) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Run the decoder on what `begin` returned; the result is that of `Decoder`."""
        shapes, frames = level_shapes(clip.padded), self.config.frames
        heads, device = self.config.heads, x.device
        seen = ClipTokens(
            clip.tokens,
            clip.padding,
            self._frames_geometry(shapes, ((1, 1),), heads, POINTS, device),
            sampled_frames(len(clip), frames),
            self._frames_geometry(shapes * frames, ((1, 1),), heads, POINTS, device),
        )
        shared = SharedHeads(self.decoder_norm, self.bbox_embed, self.point2pos_proj)
        outputs: list[tuple[Tensor, Tensor, Tensor]] = self.decoder(x, points, seen, shared)
        return outputs

    def forward(self, clip: EncodedFrames) -> ClipQueries:
        """Return the queries of a clip."""
        return self.answer(self.decode(clip, *self.begin(clip))[-1][1][0])

    def answer(self, queries: Tensor) -> ClipQueries:
        """Return what the last queries of a clip, `(Q, C)`, stand for."""
        normalised = self.decoder_norm(queries)
        return ClipQueries(
            self.cls_embed(normalised).sigmoid(), self.mask_embed(normalised).tanh(), queries
        )


class MdqeNetwork(nn.Module):
    """Backbone, encoder and decoder."""

    def __init__(self, config: NetworkConfig, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.backbone = _backbone(config.backbone)
        self.input_proj = InputProjection(config)
        self.transformer_enc = LevelTransformer(config)
        self.transformer_dec = ClipDecoder(config, num_classes)

    def encode(
        self, images: Tensor, resized: Sequence[Size], pause: Pause | None = None
    ) -> EncodedFrames:
        """Encode frames, each by itself.

        Args:
            images: `(B, 3, H, W)` normalised; zeros right of and below each frame.
            resized: `(height, width)` of each frame without padding.
            pause: called between the parts.
        """
        padded = (images.shape[-2], images.shape[-1])
        _, *maps = self.backbone(images)
        if pause is not None:
            pause()
        levels = self.input_proj(maps)
        tokens, padding = self.transformer_enc(levels, padded, resized)
        if pause is not None:
            pause()
        fine, middle, coarse, _ = split_levels(tokens, level_shapes(padded))
        features = self.transformer_dec.mask_head([fine, middle, coarse])
        return EncodedFrames(tokens, padding, features, padded)

    def forward(self, clip: EncodedFrames) -> ClipQueries:
        """Return the queries of a clip."""
        queries: ClipQueries = self.transformer_dec(clip)
        return queries


def _backbone(config: ResNetConfig | SwinV2Config) -> nn.Module:
    return SwinV2(config) if isinstance(config, SwinV2Config) else ResNet(config)


def joined(frames: Sequence[EncodedFrames]) -> EncodedFrames:
    """Return frames of one padded size as one value."""
    return EncodedFrames(
        torch.cat([each.tokens for each in frames]),
        torch.cat([each.padding for each in frames]),
        torch.cat([each.mask_features for each in frames]),
        frames[0].padded,
    )
