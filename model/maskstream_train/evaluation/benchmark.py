"""Runs a model over a benchmark: results to hand in, and the official numbers if it can.

Videos are run one after the other, and each is forgotten when its results are written.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from torch import Tensor

from maskstream_model.aliases import Progress, Size
from maskstream_model.port import Model
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.rules import TaskConfig
from maskstream_train.data.vipseg import VipsegReader
from maskstream_train.data.ytvis import InstanceReader
from maskstream_train.evaluation.detections import FrameTracker, detect, outputs
from maskstream_train.evaluation.panoptic.score import PanopticScore, score_panoptic
from maskstream_train.evaluation.panoptic.submission import PICTURES, RESULTS, panoptic_folder
from maskstream_train.evaluation.results import video_overlaps
from maskstream_train.evaluation.submission import result_file
from maskstream_train.evaluation.transience import Objects, title_of
from maskstream_train.evaluation.vis_metrics import OVIS_STRATA, YTVIS_STRATA, VisMetric
from maskstream_train.evaluation.vis_score import VisScore, check_occlusion

State = TypeVar("State")


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
    with result_file(plan.out) as writer:
        for index, video in enumerate(reader.annotations.videos):
            found = detect(model, reader, index, plan.categories, progress)
            writer.add(found)
            if reader.annotated:
                metric.add(video_overlaps(video, found, plan.objects))
    if not reader.annotated:
        return None
    title = title_of(name, plan.objects)
    return VisScore(title, metric.summary(), reader.annotations.categories)


class ClipSegment(Protocol):
    """A segment of a clip: its value in the map, and its class."""

    @property
    def id(self) -> int:
        """From 1."""
        ...

    @property
    def label(self) -> int:
        """Index of the class."""
        ...


class ClipSegments(Protocol):
    """A clip in which every pixel belongs to one segment or to none."""

    @property
    def segment_map(self) -> Tensor:
        """`(T, height, width)` integers, 0 for none; on the CPU."""
        ...

    @property
    def segments(self) -> Sequence[ClipSegment]:
        """All that the map shows, and their classes."""
        ...


ClipSegmenter = Callable[[Sequence[FrameOutput], Size, TaskConfig], ClipSegments]
"""Turns the outputs of frames into segments at picture size (docs/model.md 3.6, "vps")."""


def run_panoptic(
    model: FrameTracker[State],
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
        for index, video in enumerate(reader.videos):
            frames = list(outputs(model, reader, index, progress))
            found = segment(frames, (video.height, video.width), model.config)
            maps = (part.numpy().astype(np.int32) for part in found.segment_map)
            classes = {each.id: known[plan.categories[each.label]] for each in found.segments}
            writer.add(video, maps, classes)
    if not reader.annotated:
        return None
    results, pictures = plan.out / RESULTS, plan.out / PICTURES
    truth = reader.truth.entries.path
    return score_panoptic(truth, reader.segments, results, pictures, plan.objects)
