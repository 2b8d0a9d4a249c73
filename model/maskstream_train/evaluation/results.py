"""Result files in the form that YouTube-VIS and OVIS take: read and score."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools
from maskstream_model.errors import DatasetError
from maskstream_train.data.annotated import AnnotatedObject, AnnotatedVideo, AnnotatedVideos
from maskstream_train.data.reading import read_entry, read_json
from maskstream_train.data.rle import decode_columns
from maskstream_train.evaluation.matching import TubeOverlaps
from maskstream_train.evaluation.overlap import count_overlaps, mean_areas, tube_ious
from maskstream_train.evaluation.transience import Objects, chosen
from maskstream_train.evaluation.vis_metrics import YTVIS_STRATA, Stratum, VisMetric, VisSummary


@dataclass(frozen=True)
class Detection:
    """One predicted tube; `segmentations` has an entry per frame, None where it has no mask.

    `entry` says where it was read, for errors.
    """

    video_id: int
    category: int
    score: float
    segmentations: tuple[Any, ...]
    entry: str = "results"


def read_results(path: Path) -> list[Detection]:
    """Read a result file.

    Raises:
        DatasetError: unreadable, or an entry is not what it should be.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise DatasetError(f"{path} is not a list of results")
    return [
        read_entry(f"{path}: result {index}", _detection, item, f"{path}: result {index}")
        for index, item in enumerate(content)
    ]


def _detection(item: Mapping[str, Any], entry: str) -> Detection:
    score = float(item["score"])
    if not math.isfinite(score):
        raise ValueError(f"a score of {score}")
    return Detection(
        int(item["video_id"]),
        int(item["category_id"]),
        score,
        tuple(item["segmentations"]),
        entry,
    )


def score_results(
    truth: AnnotatedVideos,
    detections: Sequence[Detection],
    strata: Sequence[Stratum] = YTVIS_STRATA,
    agnostic: bool = False,
    objects: Objects = "all",
) -> VisSummary:
    """Score detections against annotations, holding the masks of one frame at a time.

    Args:
        truth: annotations.
        detections: of its videos.
        strata: parts of the objects that get numbers of their own.
        agnostic: leaves classes aside.
        objects: those measured; finding another one is neither right nor wrong.

    Raises:
        DatasetError: a detection of an unknown video, or masks that do not fit theirs.
    """
    by_video: dict[int, list[Detection]] = {video.id: [] for video in truth.videos}
    for detection in detections:
        if detection.video_id not in by_video:
            raise DatasetError(f"results name video {detection.video_id}, which is not annotated")
        by_video[detection.video_id].append(detection)
    metric = VisMetric([0] if agnostic else sorted(truth.categories), strata)
    for video in truth.videos:
        overlaps = video_overlaps(video, by_video[video.id], objects)
        metric.add(overlaps.agnostic() if agnostic else overlaps)
    return metric.summary()


def video_overlaps(
    video: AnnotatedVideo, detections: Sequence[Detection], objects: Objects = "all"
) -> TubeOverlaps:
    """Count how the detections of one video overlap its true objects.

    Frames are paired from the first on; those that a shorter detection lacks leave its unions too,
    and those beyond the video count only in its area, as in the official evaluator. Objects that
    are not measured count as crowds.
    """
    num_frames = len(video.file_names)
    lengths = np.array([len(detection.segmentations) for detection in detections], dtype=np.int64)
    longest = int(lengths.max(initial=num_frames))
    frames = []
    for index in range(longest):
        masks, truth = _frame(detections, video, index), _frame(video.objects, video, index)
        frames.append(count_overlaps(masks, truth))
    paired = np.arange(longest)[:, None] < np.minimum(lengths, num_frames)
    areas = np.stack([frame.areas for frame in frames])
    truth_areas = np.stack([frame.truth_areas for frame in frames])
    return TubeOverlaps(
        ious=tube_ious(
            areas, truth_areas, np.stack([frame.intersections for frame in frames]), paired
        ),
        scores=np.array([detection.score for detection in detections], dtype=np.float64),
        labels=np.array([detection.category for detection in detections], dtype=np.int64),
        areas=mean_areas(areas),
        truth_labels=np.array([thing.category for thing in video.objects], dtype=np.int64),
        truth_areas=np.array([thing.mean_area for thing in video.objects], dtype=np.float64),
        crowd=video.crowd | ~chosen(truth_areas[:num_frames] > 0, objects),
        occlusion=video.occlusion,
    )


def _frame(
    tubes: Sequence[Detection] | Sequence[AnnotatedObject], video: AnnotatedVideo, frame: int
) -> Bools:
    """Return the masks `(N, width, height)` of a frame; tubes that end before it have none."""
    parts = [tube.segmentations[frame : frame + 1] for tube in tubes]
    return decode_columns(
        [part[0] if part else None for part in parts],
        video.height,
        video.width,
        [f"{tube.entry}, frame {frame}" for tube in tubes],
    )
