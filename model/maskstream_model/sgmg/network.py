"""SgMg's network: a clip and texts go in, the mask of each text on each frame comes out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from maskstream_model.aliases import Pause, Size
from maskstream_model.constants import kept
from maskstream_model.mask2former.attention import MLP
from maskstream_model.mask2former.pixel_decoder import group_norm
from maskstream_model.sgmg.config import NetworkConfig
from maskstream_model.sgmg.heads import PATCH, MaskRefiner, num_kernel_values, patch_logits
from maskstream_model.sgmg.layout import layout, word_positions
from maskstream_model.sgmg.spectrum import Fusion, SpectralBlock, gaussians
from maskstream_model.sgmg.text_encoder import Resizer, TextEncoder, TextFeatures
from maskstream_model.sgmg.transformer import NUM_LEVELS, Decoded, Transformer
from maskstream_model.sgmg.video_swin import VideoSwin

NUM_MASK_LEVELS = 3
"""Levels whose sum the kernels read: strides 8, 16 and 32."""


@dataclass(frozen=True)
class ClipFeatures:
    """What all texts share of `T` frames.

    Attributes:
        maps: of the backbone, `(T, c, h, w)` at strides 4, 8, 16 and 32.
        levels: `(T, C, h, w)` at strides 8, 16, 32 and 64, after their first spectral block.
        padded: `(height, width)` of the frames with padding.
        resized: the same without.
    """

    maps: list[Tensor]
    levels: list[Tensor]
    padded: Size
    resized: Size

    def frames(self, rows: list[int]) -> "ClipFeatures":
        """Return those of some frames: after the backbone frames do not meet."""
        if rows == list(range(len(self.levels[0]))):
            return self
        maps, levels = ([x[rows] for x in each] for each in (self.maps, self.levels))
        return ClipFeatures(maps, levels, self.padded, self.resized)


@dataclass(frozen=True)
class Referred:
    """What a text names on `T` frames.

    Attributes:
        query: of the candidates that was chosen for all frames.
        scores: `(T,)` 0 to 1, of it.
        score: mean of them, by which it was chosen.
        boxes: `(T, 4)` centre x, centre y, width, height as 0 to 1 of the picture.
        mask_logits: `(T, height, width)` of the padded frames.
    """

    query: int
    scores: Tensor
    score: float
    boxes: Tensor
    mask_logits: Tensor


class Backbone(nn.Module):
    """The backbone, under its released name."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.body = VideoSwin(config.video)

    def forward(self, images: Tensor, clips: int = 1, pause: Pause | None = None) -> list[Tensor]:
        """See `VideoSwin`."""
        maps: list[Tensor] = self.body(images, clips, pause)
        return maps


class SgmgNetwork(nn.Module):
    """Names of parameters are those of the released files."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width, widths = config.width, config.video.widths
        self.config = config
        self.transformer = Transformer(config)
        self.class_embed = nn.ModuleList(nn.Linear(width, 1) for _ in range(config.layers))
        self.bbox_embed = nn.ModuleList(MLP(width, width, 4) for _ in range(config.layers))
        self.backbone = nn.ModuleList([Backbone(config)])
        self.text_encoder = TextEncoder(config.text)
        self.text_proj = Resizer(config.text.width, width)
        self.sentence_proj = Resizer(config.text.width, width)
        self.fusion_module = Fusion(width, config.heads)
        self.query_embed = nn.Embedding(config.queries, width)
        self.input_proj = nn.ModuleList(_projection(each, width) for each in widths[1:])
        self.input_proj.append(
            _projection(widths[-1], width, nn.Conv2d(widths[-1], width, 3, 2, 1))
        )
        self.input_fft = nn.ModuleList(SpectralBlock(width) for _ in range(NUM_LEVELS))
        self.input_fft_post = nn.ModuleList(SpectralBlock(width) for _ in range(NUM_LEVELS))
        self.mask_refine = MaskRefiner(widths[:2])
        self.controller = MLP(width, width, num_kernel_values(width))
        self._layout, self._gaussians = kept(layout), kept(gaussians)

    def read(self, tokens: Tensor) -> TextFeatures:
        """Return what is kept of one text, whose ids are `(N,)`."""
        hidden, pooled = self.text_encoder(tokens)
        return TextFeatures(self.text_proj(hidden), self.sentence_proj(pooled))

    def look(
        self, images: Tensor, resized: Size, clips: int = 1, pause: Pause | None = None
    ) -> ClipFeatures:
        """Return what all texts share of clips of one length.

        Args:
            images: `(clips * T, 3, height, width)`, clip by clip, normalised; sides multiples of
                16, at least 144.
            resized: `(height, width)` without padding.
            clips: how many; frames of two do not meet.
            pause: called between blocks.
        """
        maps = self.backbone[0](images, clips, pause)
        levels = [
            project(x) for project, x in zip(self.input_proj, [*maps[1:], maps[-1]], strict=True)
        ]
        damped = zip(self.input_fft, levels, self._damping(levels), strict=True)
        levels = [block(level, gaussian) for block, level, gaussian in damped]
        return ClipFeatures(maps, levels, (images.shape[2], images.shape[3]), resized)

    def fuse(self, clip: ClipFeatures, text: TextFeatures) -> list[Tensor]:
        """Return the levels `(T, C, h, w)` after the words and the second spectral blocks."""
        words = text.words
        places = word_positions(len(words), words.shape[1], words.device)
        fused = [self.fusion_module(level, words, places) for level in clip.levels]
        blocks = zip(self.input_fft_post, fused, self._damping(fused), strict=True)
        return [block(level, gaussian) for block, level, gaussian in blocks]

    def refer(self, clip: ClipFeatures, text: TextFeatures, pause: Pause | None = None) -> Referred:
        """Return what a text names; one candidate is chosen for all frames of the clip."""
        tokens, decoded = self.candidates(self.fuse(clip, text), text, clip, pause)
        last = decoded[-1]
        scores = torch.sigmoid(self.class_embed[-1](last.hidden)[..., 0])  # (T, Q)
        means = scores.mean(0)
        query = int(means.argmax())
        chosen = Decoded(last.hidden[:, query, None], last.boxes[:, query, None])
        patches = self.patches(chosen, self.mask_features(tokens, clip), clip.resized)[:, 0]
        refined = self.mask_refine(patches, *clip.maps[:2])
        return Referred(
            query=query,
            scores=scores[:, query],
            score=float(means[query]),
            boxes=last.boxes[:, query],
            mask_logits=F.pixel_shuffle(refined, PATCH)[:, 0],
        )

    def candidates(
        self,
        levels: list[Tensor],
        text: TextFeatures,
        clip: ClipFeatures,
        pause: Pause | None = None,
    ) -> tuple[Tensor, list[Decoded]]:
        """Return the encoder's tokens `(T, S, C)`, and what each layer of the decoder says."""
        config = self.config
        places = self._layout(
            _shapes(levels), clip.padded, clip.resized, config.width, config.heads, levels[0].device
        )
        tokens = self.transformer.encode(levels, places, pause)
        queries = self.query_embed.weight
        return tokens, self.transformer.decode(
            text.sentence, queries, tokens, places, self.bbox_embed
        )

    def mask_features(self, tokens: Tensor, clip: ClipFeatures) -> Tensor:
        """Sum the finer levels of the encoder at stride 8: `(T, C, h, w)`."""
        shapes = _shapes(clip.levels)
        parts = torch.split(tokens, [height * width for height, width in shapes], 1)
        levels = [
            # (T, h * w, C) -> (T, C, h * w) -> (T, C, h, w)
            part.transpose(1, 2).reshape(len(part), -1, *shape)
            for part, shape in zip(parts, shapes, strict=True)
        ]
        total: Tensor = levels[0]
        for level in levels[1:NUM_MASK_LEVELS]:
            total = total + F.interpolate(level, shapes[0], mode="bicubic", align_corners=False)
        return total

    def patches(self, decoded: Decoded, features: Tensor, resized: Size) -> Tensor:
        """Return patches of mask logits of some candidates, `(T, Q, 16, h, w)`."""
        kernels = self.controller(decoded.hidden)
        return patch_logits(kernels, features, decoded.boxes[..., :2], resized)

    def _damping(self, levels: list[Tensor]) -> list[Tensor]:
        return self._gaussians(_shapes(levels), levels[0].device)


def _projection(inputs: int, width: int, conv: nn.Conv2d | None = None) -> nn.Sequential:
    return nn.Sequential(conv or nn.Conv2d(inputs, width, 1), group_norm(width))


def _shapes(levels: list[Tensor]) -> tuple[tuple[int, int], ...]:
    return tuple((level.shape[2], level.shape[3]) for level in levels)
