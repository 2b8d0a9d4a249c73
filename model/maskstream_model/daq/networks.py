"""The networks of a preset, under the prefixes that their names have in released files."""

from dataclasses import dataclass

from torch import nn

from maskstream_model.config import RefinerConfig, SegmenterConfig, TrackerConfig
from maskstream_model.daq.refiner import TemporalRefiner
from maskstream_model.daq.tracker import QueryTracker
from maskstream_model.mask2former.segmenter import Segmenter


@dataclass(frozen=True)
class Networks:
    """Segmenter, trackers and, in an offline model, the refiner."""

    segmenter: Segmenter
    tracker: QueryTracker
    refiner: TemporalRefiner | None

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The modules by prefix, as `checkpoint` takes them."""
        parts: dict[str, nn.Module] = {"": self.segmenter, "tracker.": self.tracker}
        return parts if self.refiner is None else {**parts, "refiner.": self.refiner}


def build_networks(
    segmenter: SegmenterConfig,
    tracker: TrackerConfig,
    num_classes: int,
    refiner: RefinerConfig | None = None,
) -> Networks:
    """Build networks with fresh weights, drawn from torch's random state."""
    return Networks(
        Segmenter(segmenter, num_classes),
        QueryTracker(segmenter, tracker, num_classes),
        None if refiner is None else TemporalRefiner(segmenter, refiner, num_classes),
    )
