"""The networks of a preset, under the prefixes that their names have in released files."""

from dataclasses import dataclass

from torch import nn

from maskstream_model.config import SegmenterConfig
from maskstream_model.genvis.clips import ClipModule
from maskstream_model.genvis.config import ClipConfig
from maskstream_model.mask2former.segmenter import Segmenter


@dataclass(frozen=True)
class Networks:
    """Segmenter of frames and module of clips."""

    segmenter: Segmenter
    clips: ClipModule

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The modules by prefix, as `checkpoint` takes them."""
        return {"": self.segmenter, "vita_module.": self.clips}


def build_networks(segmenter: SegmenterConfig, clips: ClipConfig, num_classes: int) -> Networks:
    """Build networks with fresh weights, drawn from torch's random state."""
    return Networks(
        Segmenter(segmenter, num_classes, reid_head=False), ClipModule(clips, num_classes)
    )
