"""Mask2Former: backbone, pixel decoder and masked-attention decoder (docs/model.md 2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.memory_format import convert_conv2d_weight_memory_format

from maskstream_model.aliases import Pause
from maskstream_model.backbones.build import build_backbone
from maskstream_model.config import SegmenterConfig
from maskstream_model.mask2former.mask_decoder import LayerPrediction, MaskDecoder
from maskstream_model.mask2former.pixel_decoder import PixelDecoder

__all__ = ["Features", "LayerPrediction", "Segmenter", "SegmenterOutput"]


@dataclass(frozen=True)
class SegmenterOutput:
    """What the trackers read of a batch of frames.

    Attributes:
        embeddings: `(B, Q, C)`, the normalised final states of the segment queries.
        logits: `(B, Q, K + 1)`.
        mask_logits: `(B, Q, H, W)`, stride 4.
        mask_features: `(B, C, H, W)`, stride 4.
    """

    embeddings: Tensor
    logits: Tensor
    mask_logits: Tensor
    mask_features: Tensor

    def frame(self, index: int) -> "SegmenterOutput":
        """Return one frame of the batch, still with a batch axis of one."""
        return self.map(lambda part: part[index : index + 1])

    def detach(self) -> "SegmenterOutput":
        """Return the same values without their gradients."""
        return self.map(Tensor.detach)

    def map(self, change: Callable[[Tensor], Tensor]) -> "SegmenterOutput":
        """Return what `change` makes of each part."""
        return SegmenterOutput(*(change(part) for part in vars(self).values()))


@dataclass(frozen=True)
class Features:
    """What the pixel decoder makes of a batch of frames.

    Attributes:
        mask_features: `(B, C, H, W)`, stride 4.
        levels: `(B, C, h, w)` each, of strides 32, 16 and 8.
        finest: `(B, C, H, W)`, what the mask features are made of; the mask decoder does not read
            it.
    """

    mask_features: Tensor
    levels: Sequence[Tensor]
    finest: Tensor


class SegmenterHead(nn.Module):
    """Pixel decoder and predictor, under the names of the released files."""

    def __init__(self, config: SegmenterConfig, num_classes: int, reid_head: bool) -> None:
        super().__init__()
        self.pixel_decoder = PixelDecoder(config)
        self.predictor = MaskDecoder(config, num_classes, reid_head)


class Segmenter(nn.Module):
    """Segments frames one by one; frames of a batch are independent.

    Args:
        config: what is built.
        num_classes: `K`.
        reid_head: whether to build the unused head that files of DVIS-DAQ have.
    """

    def __init__(self, config: SegmenterConfig, num_classes: int, reid_head: bool = True) -> None:
        super().__init__()
        self.backbone = build_backbone(config.backbone)
        self.sem_seg_head = SegmenterHead(config, num_classes, reid_head)
        # Convolutions run faster so, and tokens are read off the maps without a copy.
        convert_conv2d_weight_memory_format(self, torch.channels_last)

    @property
    def query_features(self) -> Tensor:
        """The learned start states of the segment queries, `(Q, C)`."""
        return self.sem_seg_head.predictor.query_feat.weight

    def forward(self, images: Tensor, pause: Pause | None = None) -> SegmenterOutput:
        """Segment `images (B, 3, height, width)`, normalised, sizes multiples of 32."""
        features, predictor = self.features(images, pause), self.sem_seg_head.predictor
        _call(pause)
        embeddings = predictor(features.levels, features.mask_features)
        prediction = predictor.predict(embeddings[-1], features.mask_features)
        _call(pause)
        return _output(embeddings[-1], prediction, features.mask_features)

    def all_layers(self, features: Features) -> tuple[SegmenterOutput, list[LayerPrediction]]:
        """Segment, and return the predictions of all layers, that of the initial state first."""
        predictor, mask_features = self.sem_seg_head.predictor, features.mask_features
        embeddings = predictor(features.levels, mask_features)
        predictions = [predictor.predict(layer, mask_features) for layer in embeddings]
        return _output(embeddings[-1], predictions[-1], mask_features), predictions

    def features(self, images: Tensor, pause: Pause | None = None) -> Features:
        """Return what the mask decoder reads of `images`, which are as `forward` takes them."""
        if not torch.compiler.is_compiling():
            images = images.contiguous(memory_format=torch.channels_last)
        maps = self.backbone(images)
        _call(pause)
        decoder = self.sem_seg_head.pixel_decoder
        if torch.is_autocast_enabled(images.device.type):
            # Sampling locations need float32; the reference leaves autocast here as well.
            with torch.autocast(images.device.type, enabled=False):
                return Features(*decoder([x.float() for x in maps]))
        return Features(*decoder(maps))


def _call(pause: Pause | None) -> None:
    if pause is not None:
        pause()


def _output(
    embeddings: Tensor, prediction: LayerPrediction, mask_features: Tensor
) -> SegmenterOutput:
    return SegmenterOutput(embeddings, prediction.logits, prediction.mask_logits, mask_features)
