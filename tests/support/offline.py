"""The frames of a video as the refiner takes them."""

from collections.abc import Sequence

from maskstream_model.aliases import Frame
from maskstream_model.daq.clip_rows import TrackedFrame
from maskstream_model.daq.offline import OfflineDaq


def tracked_frames(model: OfflineDaq, frames: Sequence[Frame]) -> list[TrackedFrame]:
    """Track a video frame by frame."""
    memory, tracked = model.begin().newest, list[TrackedFrame]()
    for frame in frames:
        ((one, memory),) = model.track_frames([frame], memory)
        tracked.append(one)
    return tracked
