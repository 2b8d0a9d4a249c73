"""The best pairs of track and class of a benchmark's video, by an online or an offline model."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from maskstream_model.aliases import Bools, Progress, Size
from maskstream_model.interface import OfflineSegmenter
from maskstream_model.rle import encode_rle
from maskstream_model.tasks.output import FrameOutput, resize_mask_logits
from maskstream_train.data.videos import VideoReader
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.evaluate import OnlineModel, unmasked
from maskstream_train.evaluation.records import VideoRecorder
from maskstream_train.evaluation.results import Detection
from maskstream_train.evaluation.submission import ResultCollector

State = TypeVar("State")
Detect = Callable[[InstanceReader, int, Sequence[int], Progress], list[Detection]]
"""Runs a model over a video: reader, index of the video, category id of each class, progress."""

NUM_MASKS = 16
"""Masks of a frame that are there at picture size at once; a large model may track hundreds."""


def detect_online(model: OnlineModel[State]) -> Detect:
    """Return what takes the results of an online model (SPEC.md section 3.6, "vis")."""

    def detect(
        reader: InstanceReader, video: int, categories: Sequence[int], progress: Progress
    ) -> list[Detection]:
        info = reader.annotations.videos[video]
        size, nothing = (info.height, info.width), np.zeros((0, 0, 0), dtype=bool)
        recorder = VideoRecorder(np.zeros(0, dtype=np.int64))
        collector = ResultCollector(categories)
        for output in outputs(model, reader, video, progress):
            tracks = unmasked(output)
            recorder.add(tracks, nothing)
            collector.add_masks(tracks.track_ids, _mask_parts(output, size), size)
        collector.finish(info.id, recorder.record())
        return collector.detections

    return detect


def detect_offline(model: OfflineSegmenter) -> Detect:
    """Return what takes the results of an offline model (SPEC.md section 4)."""

    def detect(
        reader: InstanceReader, video: int, categories: Sequence[int], progress: Progress
    ) -> list[Detection]:
        info = reader.annotations.videos[video]
        empty = encode_rle(np.zeros((info.height, info.width), dtype=bool))
        frames = (reader.picture(video, number) for number in range(len(info.file_names)))
        return [
            Detection(
                info.id,
                categories[track.label],
                track.score,
                tuple(mask or empty for mask in track.segmentations),
            )
            for track in model.run(frames, progress).tracks
        ]

    return detect


def outputs(
    model: OnlineModel[State], reader: VideoReader, video: int, progress: Progress
) -> Iterator[FrameOutput]:
    """Yield what `model` says about each frame of a video."""
    state = model.initial_state()
    for number in range(len(reader.videos[video].pictures)):
        output, state = model.step_frame(reader.picture(video, number), state)
        yield output
        progress(1)


def _mask_parts(output: FrameOutput, size: Size) -> Iterator[Bools]:
    for start in range(0, len(output.mask_logits), NUM_MASKS):
        logits = output.mask_logits[start : start + NUM_MASKS]
        masks = resize_mask_logits(logits, output.padded, output.resized, size) > 0
        yield masks.cpu().numpy()
