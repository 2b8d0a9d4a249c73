"""The frame encoder: Mask2Former, with mask features for the slots of clips (docs/model.md 15)."""

from dataclasses import dataclass

from torch import Tensor, nn

from maskstream_model.aliases import Pause
from maskstream_model.mask2former.segmenter import Segmenter


@dataclass(frozen=True)
class EncodedFrames:
    """What clips need of `B` frames.

    Attributes:
        queries: `(B, F, C)`, the normalised final states of the segmenter's queries.
        mask_features: `(B, C, H, W)` at stride 4.
    """

    queries: Tensor
    mask_features: Tensor


class FrameEncoder(nn.Module):
    """Encodes frames one by one; frames of a batch are independent.

    Args:
        segmenter: Mask2Former.
        projection: from its finest map to the mask features of clips.
    """

    def __init__(self, segmenter: Segmenter, projection: nn.Conv2d) -> None:
        super().__init__()
        self.segmenter = segmenter
        self.projection = projection

    def forward(self, images: Tensor, pause: Pause | None = None) -> EncodedFrames:
        """Encode `images (B, 3, height, width)`, normalised, sizes multiples of 32."""
        features = self.segmenter.features(images, pause)
        if pause is not None:
            pause()
        predictor = self.segmenter.sem_seg_head.predictor
        queries = predictor(features.levels, features.mask_features)[-1]
        if pause is not None:
            pause()
        return EncodedFrames(queries, self.projection(features.finest))
