"""Result files in the form that YouTube-VIS and OVIS take: read, score, write."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.data.annotations import (
    AnnotatedObject,
    AnnotatedVideo,
    AnnotatedVideos,
)
from maskstream_model.data.reading import read_json
from maskstream_model.data.rle import decode_columns, encode_mask
from maskstream_model.errors import DatasetError
from maskstream_model.evaluation.matching import Bools, TubeOverlaps
from maskstream_model.evaluation.overlap import count_overlaps, mean_areas, tube_ious
from maskstream_model.evaluation.records import TrackFrame, VideoRecord
from maskstream_model.evaluation.vis_metrics import YTVIS_STRATA, Stratum, VisMetric, VisSummary


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
    detections = []
    for index, item in enumerate(content):
        try:
            detections.append(_detection(item, f"{path}: result {index}"))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DatasetError(
                f"{path}: result {index} is not as it should be: {error!r}"
            ) from error
    return detections


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
) -> VisSummary:
    """Score detections against annotations, holding the masks of one frame at a time.

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
        overlaps = video_overlaps(video, by_video[video.id])
        metric.add(overlaps.agnostic() if agnostic else overlaps)
    return metric.summary()


def video_overlaps(video: AnnotatedVideo, detections: Sequence[Detection]) -> TubeOverlaps:
    """Count how the detections of one video overlap its true objects.

    Frames are paired from the first on; those that a shorter detection lacks leave its unions too,
    and those beyond the video count only in its area, as in the official evaluator.
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
        crowd=video.crowd,
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


class ResultCollector:
    """Keeps tracks of a run, encoded, until they are written as a result file.

    Args:
        categories: category id of each class of the model; None writes each track once, as
            category 1, for class-agnostic scoring.
    """

    def __init__(self, categories: Sequence[int] | None) -> None:
        self._categories = categories
        self._frames: list[dict[int, Any]] = []
        self.detections: list[Detection] = []

    def add(self, frame: TrackFrame) -> None:
        """Encode the masks of one frame."""
        encoded = [encode_mask(mask) for mask in frame.masks]
        self._frames.append(dict(zip(frame.track_ids.tolist(), encoded, strict=True)))

    def finish(self, video_id: int, record: VideoRecord) -> None:
        """Close a video: its best pairs of track and class become detections."""
        tracks, labels, scores = record.best_entries(agnostic=self._categories is None)
        for track, label, score in zip(tracks, labels, scores, strict=True):
            number = int(record.track_ids[track])
            segmentations = tuple(frame.get(number) for frame in self._frames)
            category = 1 if self._categories is None else self._categories[label]
            self.detections.append(Detection(video_id, category, float(score), segmentations))
        self._frames = []


def write_results(path: Path, detections: Sequence[Detection]) -> None:
    """Write a result file, whole or not at all."""
    items = [
        {
            "video_id": detection.video_id,
            "category_id": detection.category,
            "score": detection.score,
            "segmentations": list(detection.segmentations),
        }
        for detection in detections
    ]
    write_whole(path, json.dumps(items))


def write_whole(path: Path, text: str) -> None:
    """Write text beside `path` and move it into place, so that no half file is ever seen."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
