"""Runs a model over a benchmark: results to hand in, and the official numbers if it can.

Videos are run one after the other, and each is forgotten when its results are written.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from maskstream_model.aliases import Bools, Frame, Progress, Size
from maskstream_model.config import PresetConfig
from maskstream_model.port import FrameResult, Model
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.panoptic import PanopticVideo
from maskstream_model.video import segment_video
from maskstream_train.data.pictures import read_frame
from maskstream_train.data.videos import VideoInfo
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.evaluate import min_frames, num_classes, unmasked
from maskstream_train.evaluation.panoptic.score import PanopticScore, score_panoptic
from maskstream_train.evaluation.panoptic.submission import PICTURES, RESULTS, panoptic_folder
from maskstream_train.evaluation.records import VideoRecorder
from maskstream_train.evaluation.results import Detection, video_overlaps
from maskstream_train.evaluation.submission import ResultCollector, result_file
from maskstream_train.evaluation.transience import Objects, title_of
from maskstream_train.evaluation.vis_metrics import OVIS_STRATA, YTVIS_STRATA, VisMetric
from maskstream_train.evaluation.vis_score import VisScore, check_occlusion

NUM_MASKS = 16
"""Masks of a frame that are held at picture size at once; a large model may track hundreds."""
ClipSegmenter = Callable[[Sequence[FrameOutput], Size, PresetConfig], PanopticVideo]
"""From the outputs of frames to segments at picture size (docs/model.md 3.6, "vps")."""


@dataclass(frozen=True)
class Plan:
    """What is asked of a run.

    Attributes:
        categories: category id of each class of the model.
        out: file (instances) or folder (panoptic) that the results become.
        objects: those measured.
        ovis: whether to measure by occlusion too.
    """

    categories: Sequence[int]
    out: Path
    objects: Objects = "all"
    ovis: bool = False


def run_instances(
    model: Model[Any], reader: InstanceReader, plan: Plan, progress: Progress
) -> VisScore | None:
    """Write the results of all videos, and score them where there is a truth.

    Raises:
        DatasetError: a picture or an annotation is missing or broken.
        ConfigError: the results cannot be written.
    """
    strata, name = (OVIS_STRATA, "OVIS") if plan.ovis else (YTVIS_STRATA, "YouTube-VIS")
    metric = VisMetric([item.id for item in reader.categories], strata)
    if plan.ovis:
        check_occlusion(reader.annotations)
    with result_file(plan.out) as write:
        for index, video in enumerate(reader.annotations.videos):
            found = detect(model, reader, index, plan.categories, progress)
            write(found)
            if reader.annotated:
                metric.add(video_overlaps(video, found, plan.objects))
    if not reader.annotated:
        return None
    title = title_of(name, plan.objects)
    return VisScore(title, metric.summary(), reader.annotations.categories)


def detect(
    model: Model[Any],
    reader: InstanceReader,
    video: int,
    categories: Sequence[int],
    progress: Progress,
) -> list[Detection]:
    """Return the best pairs of track and class of a video (docs/model.md 3.6, "vis", and 4).

    Args:
        model: of any family with classes.
        reader: of the pictures.
        video: index of the video.
        categories: category id of each class.
        progress: called with the number of frames done since the last call.
    """
    info, nothing = reader.annotations.videos[video], np.zeros((0, 0, 0), dtype=bool)
    size, classes = (info.height, info.width), num_classes(model.info)
    recorder = VideoRecorder(np.zeros(0, dtype=np.int64), min_frames=min_frames(model.info))
    collector = ResultCollector(categories)
    for result in segment_video(model, _pictures(reader.videos[video])):
        recorder.add(unmasked(result, classes), nothing)
        collector.add_masks(result.tracks.track_ids, _mask_parts(result, size), size)
        progress(1)
    collector.finish(info.id, recorder.record())
    return collector.detections


def _pictures(video: VideoInfo) -> Iterator[Frame]:
    return (read_frame(video, number) for number in range(len(video.pictures)))


def _mask_parts(result: FrameResult, size: Size) -> Iterator[Bools]:
    rows = np.arange(len(result.tracks.track_ids))
    for start in range(0, len(rows), NUM_MASKS):
        yield result.masks.crops(rows[start : start + NUM_MASKS], size).whole()


@runtime_checkable
class FrameTracker(Protocol):
    """A model that also returns the raw tracks of a frame, before results are made."""

    @property
    def config(self) -> PresetConfig:
        """Task, classes and rules of the model."""
        ...

    def begin(self) -> Any:
        """Return the memory of a video before its first frame."""
        ...

    def track_frame(self, frame: Frame, state: Any) -> tuple[FrameOutput, Any]:
        """Return the tracks of a frame, and the memory after it."""
        ...


def run_panoptic(
    model: FrameTracker,
    reader: VipsegReader,
    segment: ClipSegmenter,
    plan: Plan,
    progress: Progress,
) -> PanopticScore | None:
    """Write the results of all videos, and score them where there is a truth.

    Raises:
        DatasetError: a picture or an annotation is missing or broken.
        ConfigError: the results cannot be written.
    """
    known = {item.id: item for item in reader.categories}
    with panoptic_folder(plan.out) as writer:
        for video in reader.videos:
            frames = list(_outputs(model, video, progress))
            found = segment(frames, (video.height, video.width), model.config)
            maps = (part.numpy().astype(np.int32) for part in found.segment_map)
            classes = {each.id: known[plan.categories[each.label]] for each in found.segments}
            writer.add(video, maps, classes)
    if not reader.annotated:
        return None
    results, pictures = plan.out / RESULTS, plan.out / PICTURES
    truth = reader.truth.entries.path
    return score_panoptic(truth, reader.segments, results, pictures, plan.objects)


def _outputs(model: FrameTracker, video: VideoInfo, progress: Progress) -> Iterator[FrameOutput]:
    """Yield the raw tracks of each frame of a video."""
    state = model.begin()
    for frame in _pictures(video):
        output, state = model.track_frame(frame, state)
        yield output
        progress(1)
