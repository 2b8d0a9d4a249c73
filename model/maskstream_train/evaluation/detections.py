"""The best pairs of track and class of a benchmark's video, by any model."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from maskstream_model.aliases import Bools, Frame, Progress
from maskstream_model.port import FrameResult, Model
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.rules import TaskConfig
from maskstream_model.video import segment_video
from maskstream_train.data.videos import VideoReader
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.evaluate import min_frames, num_classes, unmasked
from maskstream_train.evaluation.records import VideoRecorder
from maskstream_train.evaluation.results import Detection
from maskstream_train.evaluation.submission import ResultCollector

State = TypeVar("State")
NUM_MASKS = 16
"""Masks of a frame that are there at picture size at once; a large model may track hundreds."""


@runtime_checkable
class FrameTracker(Protocol[State]):
    """A model that also says which tracks a frame has before they are results."""

    @property
    def config(self) -> TaskConfig:
        """Of the model: its task, its classes and their rules."""
        ...

    def begin(self) -> State:
        """Return the memory of a video that nothing was seen of."""
        ...

    def track_frame(self, frame: Frame, state: State) -> tuple[FrameOutput, State]:
        """Segment and track one frame."""
        ...


def detect(
    model: Model[Any],
    reader: InstanceReader,
    video: int,
    categories: Sequence[int],
    progress: Progress,
) -> list[Detection]:
    """Run a model over a video and return its results (docs/model.md 3.6, "vis", and 4).

    Args:
        model: of any family with classes.
        reader: has the pictures.
        video: index of the video.
        categories: category id of each class.
        progress: called with the number of frames done since the last call.
    """
    info, nothing = reader.annotations.videos[video], np.zeros((0, 0, 0), dtype=bool)
    size, classes = (info.height, info.width), num_classes(model.info)
    recorder = VideoRecorder(np.zeros(0, dtype=np.int64), min_frames=min_frames(model.info))
    collector = ResultCollector(categories)
    for result in segment_video(model, pictures(reader, video)):
        recorder.add(unmasked(result, classes), nothing)
        collector.add_masks(result.tracks.track_ids, _mask_parts(result, size), size)
        progress(1)
    collector.finish(info.id, recorder.record())
    return collector.detections


def outputs(
    model: FrameTracker[State], reader: VideoReader, video: int, progress: Progress
) -> Iterator[FrameOutput]:
    """Yield what the trackers of `model` say about each frame of a video."""
    state = model.begin()
    for frame in pictures(reader, video):
        output, state = model.track_frame(frame, state)
        yield output
        progress(1)


def pictures(reader: VideoReader, video: int) -> Iterator[Frame]:
    """Yield the frames of a video."""
    for number in range(len(reader.videos[video].pictures)):
        yield reader.picture(video, number)


def _mask_parts(result: FrameResult, size: tuple[int, int]) -> Iterator[Bools]:
    rows = np.arange(len(result.tracks.track_ids))
    for start in range(0, len(rows), NUM_MASKS):
        yield result.masks.crops(rows[start : start + NUM_MASKS], size).whole()
