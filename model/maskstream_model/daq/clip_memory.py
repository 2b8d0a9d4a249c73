"""What goes from frame to frame of a video that is to be refined."""

from dataclasses import dataclass

from torch import Tensor

from maskstream_model.daq.state import TrackerState


@dataclass(frozen=True)
class ClipMemory:
    """A bounded value, however long the video is.

    Attributes:
        state: of the online model.
        previous: `(Q, C)` segment embeddings in the order of the naive sequences that took them;
            None before the first frame.
    """

    state: TrackerState
    previous: Tensor | None = None
