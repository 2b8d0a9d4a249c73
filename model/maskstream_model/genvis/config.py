"""Facts of a GenVIS model: its networks, its rules, its classes."""

from dataclasses import dataclass, field
from typing import ClassVar

from maskstream_model.config import PresetConfig, SegmenterConfig
from maskstream_model.query_slots.rules import SlotRules


@dataclass(frozen=True)
class ClipConfig:
    """The clip module; the defaults are the released ResNet-50 models.

    Attributes:
        num_queries: `Q`, slots of a video.
        num_frame_queries: `F`, queries of the segmenter on a frame.
        hidden_dim: `C`.
        num_heads: attention heads of a layer.
        ffn_dim: hidden width of the feed-forward networks.
        encoder_layers: layers over the frame queries of a clip.
        decoder_layers: layers of the slots.
    """

    num_queries: int = 100
    num_frame_queries: int = 100
    hidden_dim: int = 256
    num_heads: int = 8
    ffn_dim: int = 2048
    encoder_layers: int = 6
    decoder_layers: int = 3


@dataclass(frozen=True)
class GenvisRules(SlotRules):
    """How a model is run (docs/decisions/0091); scores are 0 to 1 and of a single clip.

    Attributes:
        clip_frames: frames that are read together; 1 for an online model.
        memory_steps: newest clips that the memory keeps, in half precision; None: all of them, as
            the authors' code does, for evaluations of short videos.
    """

    OPTIONAL: ClassVar[tuple[str, ...]] = (*SlotRules.OPTIONAL, "memory_steps")

    clip_frames: int = 1
    memory_steps: int | None = 256
    min_size: int | None = 360


@dataclass(frozen=True)
class GenvisConfig(PresetConfig):
    """All facts of one preset; `segmenter` and `clips` are what is built."""

    segmenter: SegmenterConfig = field(default_factory=SegmenterConfig)
    clips: ClipConfig = ClipConfig()
    online: GenvisRules = field(default=GenvisRules(), kw_only=True)

    @property
    def backbone(self) -> str:
        """See `PresetConfig`."""
        return self.segmenter.backbone.kind
