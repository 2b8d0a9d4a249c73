"""Base of models that segment each frame and then track its queries (docs/model.md 2, 3)."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from maskstream_model.aliases import Frame, Pause, Size
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.graph import CompiledNetwork
from maskstream_model.config import ModelConfig
from maskstream_model.frame_by_frame import State
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput
from maskstream_model.network_model import NetworkModel
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import Resize, pillow, prepare
from maskstream_model.transfers import upload

AnySegmenter = Segmenter | CompiledNetwork
CLIP_FRAMES = 5
"""Most frames of one session in a step; more gain little."""
CPU_CLIP_PIXELS = 1 << 18
"""Most network pixels of a step of several frames; larger ones fill a CPU (decisions/0023)."""
GPU_CLIP_PIXELS = 1 << 21


@dataclass(frozen=True)
class SegmentedFrames:
    """Frames after the segmenter: its output for all of them, and their sizes in the network."""

    output: SegmenterOutput
    resized: Sequence[Size]

    def select(self, rows: Sequence[int]) -> "SegmentedFrames":
        """Return some of the frames."""
        if len(rows) == len(self.resized):
            return self
        resized = [self.resized[row] for row in rows]
        if len(rows) == 1:  # a view: mask features are large
            return SegmentedFrames(self.output.frame(rows[0]), resized)
        index = torch.tensor(rows)
        output = self.output.map(lambda part: part[upload(index, part.device)])
        return SegmentedFrames(output, resized)


class QueryTrackingModel(NetworkModel[State, SegmentedFrames]):
    """Implements `port.Model` except for `track` and the memory, which a subclass adds.

    Attributes:
        segmenter: Mask2Former, eager or compiled.
        resize: resizes frames for the network.
    """

    config: ModelConfig
    resize: Resize
    segmenter: AnySegmenter

    def __init__(
        self,
        config: ModelConfig,
        segmenter: AnySegmenter,
        device: torch.device,
        fingerprint: str,
        resize: Resize = pillow,
    ) -> None:
        super().__init__(config, device, fingerprint)
        self.resize = resize
        self.segmenter = segmenter.to(device).eval()

    def use(self, network: AnySegmenter, execution: Execution) -> None:
        """See `backends.graph.RunsNetwork`."""
        super().use(network, execution)
        self.segmenter = network

    def clip_frames(self, height: int, width: int, most: int) -> int:
        """See `port.Model`."""
        return clip_frames(self.device, self.batch_key(height, width), most)

    def prepare(self, frames: Sequence[Frame], pause: Pause | None = None) -> SegmentedFrames:
        """Segment frames of one padded size together."""
        prepared = prepare(frames, self.config.online, self.device, self.resize)
        return SegmentedFrames(self.segmenter(prepared.images, pause), prepared.resized)

    def advance(
        self,
        prepared: SegmentedFrames,
        rows: Sequence[int],
        states: Sequence[State],
        max_tracks: Sequence[int | None],
        pause: Pause | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """See `NetworkModel.advance`."""
        some = prepared.select(rows)
        tracked = self.track(some.output, states, some.resized, max_tracks)
        if pause is not None:
            pause()
        return tracked

    @abstractmethod
    def track(
        self,
        segmented: SegmenterOutput,
        states: Sequence[State],
        resized: Sequence[Size],
        max_tracks: Sequence[int | None] | None = None,
    ) -> tuple[list[FrameOutput], list[State]]:
        """Track frames that are segmented already.

        Args:
            segmented: output of the segmenter for `B` frames.
            states: `B` memories, left as they are.
            resized: `B` sizes of the frames in the network, without padding.
            max_tracks: limit of tracks alive in each session; None for none.
        """


def clip_frames(device: torch.device, size: Size, most: int) -> int:
    """Return how many frames of one session are worth a step together: 1 to `most`.

    Args:
        device: of the network.
        size: padded `(height, width)` of a frame.
        most: that are at hand.
    """
    pixels = GPU_CLIP_PIXELS if device.type == "cuda" else CPU_CLIP_PIXELS
    return max(1, min(most, CLIP_FRAMES, pixels // (size[0] * size[1])))


def one_by_one(
    track_one: Callable[
        [SegmenterOutput, State, Size, int | None],
        tuple[FrameOutput, State],
    ],
    segmented: SegmenterOutput,
    states: Sequence[State],
    resized: Sequence[Size],
    max_tracks: Sequence[int | None] | None = None,
) -> tuple[list[FrameOutput], list[State]]:
    """Track each frame alone; the arguments are those of `QueryTrackingModel.track`."""
    limits = [None] * len(states) if max_tracks is None else max_tracks
    pairs = [
        track_one(segmented.frame(index), state, resized[index], limits[index])
        for index, state in enumerate(states)
    ]
    return [output for output, _ in pairs], [state for _, state in pairs]
