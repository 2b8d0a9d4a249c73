"""Reads the two sides of a panoptic score: the truth, and predictions of the same videos."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import PanopticEntries, PanopticTruth, Segment, read_entries
from maskstream_train.data.reading import read_json
from maskstream_train.evaluation.panoptic.counts import SegmentTable


def read_predictions(path: Path, truth: PanopticTruth) -> PanopticEntries:
    """Read the predicted videos, which must be those of `truth`.

    Raises:
        DatasetError: the file cannot be read, or videos are missing, unknown or of other length.
    """
    entries = read_entries(path, read_json(path))
    for name in entries.frames:
        if name not in truth.images:
            raise DatasetError(f"{path}: video {name} is not listed in {truth.entries.path}")
    for name, images in truth.images.items():
        if name not in entries.frames:
            raise DatasetError(f"{path}: video {name} is missing")
        if len(entries.frames[name]) != len(images):
            listed = len(entries.frames[name])
            raise DatasetError(f"{path}: video {name} has {listed} of {len(images)} frames")
    return entries


def segment_table(
    segments: Sequence[Segment], frame: int, classes: Mapping[int, int]
) -> SegmentTable:
    """Return the segments of a frame as a table; `classes` is the index by category id."""
    return SegmentTable(
        np.full(len(segments), frame, dtype=np.int64),
        np.array([row.id for row in segments], dtype=np.int64),
        np.array([classes[row.category] for row in segments], dtype=np.int64),
        np.array([row.crowd for row in segments], dtype=bool),
        np.array([row.area for row in segments], dtype=np.int64),
    )
