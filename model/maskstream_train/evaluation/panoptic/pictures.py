"""Counts panoptic videos, true and predicted, from their files, one frame at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from maskstream_model.aliases import Ints
from maskstream_model.errors import DatasetError
from maskstream_train.data.panoptic import (
    PanopticEntries,
    PanopticTruth,
    SegmentInfo,
    read_entries,
    read_ids,
)
from maskstream_train.data.reading import read_json
from maskstream_train.evaluation.panoptic.counts import (
    CountedVideo,
    PixelPairs,
    SegmentTable,
    shared_ids,
)


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


class PanopticFolders:
    """True and predicted videos on disk: JSON and a folder of `<video>/<frame>.png` each.

    Args:
        truth: file of the truth, read.
        truth_folder: its pictures.
        found: file of the predictions, read.
        found_folder: its pictures, named as those of the truth.
    """

    def __init__(
        self,
        truth: PanopticTruth,
        truth_folder: Path,
        found: PanopticEntries,
        found_folder: Path,
    ) -> None:
        self._truth, self._found = truth, found
        self._truth_folder, self._found_folder = truth_folder, found_folder
        self._classes = {item.id: index for index, item in enumerate(truth.categories)}

    def videos(self) -> Iterator[CountedVideo]:
        """Yield the videos in the order of the truth, counted.

        Raises:
            DatasetError: a picture or an entry that is not what it should be.
        """
        for name, images in self._truth.images.items():
            yield self._video(name, len(images))

    def _video(self, name: str, num_frames: int) -> CountedVideo:
        frames = [self._frame(name, index) for index in range(num_frames)]
        truth, found, pairs = zip(*frames, strict=True)
        return CountedVideo(
            name,
            num_frames,
            SegmentTable.joined(truth),
            SegmentTable.joined(found),
            _joined(pairs, truth, found),
        )

    def _frame(self, video: str, frame: int) -> tuple[SegmentTable, SegmentTable, PixelPairs]:
        """Return the segments of a frame and their pairs; lines count from 0 in each frame."""
        image = self._truth.images[video][frame]
        size = (image.height, image.width)
        entries = self._truth.entries
        place = Path(video) / f"{entries.file_stem(video, frame)}.png"
        truth_file, found_file = self._truth_folder / place, self._found_folder / place
        listed = entries.segments(video, frame, self._classes, areas=True)
        truth = _table(listed, frame, self._classes)
        listed = self._found.segments(video, frame, self._classes)
        found = _table(listed, frame, self._classes)
        truth_ids, found_ids, counts = shared_ids(
            read_ids(truth_file, size), read_ids(found_file, size)
        )
        true_lines = _lines(truth_ids, truth, truth_file, entries.path)
        found_lines = _lines(found_ids, found, found_file, self._found.path)
        areas = np.zeros(len(found.ids) + 1, dtype=np.int64)
        np.add.at(areas, found_lines, counts)
        empty = found.ids[areas[:-1] == 0]
        if empty.size:
            raise DatasetError(
                f"{self._found.path}: video {video}, frame {frame}: segment {empty[0]} "
                f"is not in {found_file}"
            )
        pairs = PixelPairs(np.full(len(counts), frame), true_lines, found_lines, counts)
        return truth, replace(found, areas=areas[:-1]), pairs


def _table(segments: Sequence[SegmentInfo], frame: int, classes: Mapping[int, int]) -> SegmentTable:
    """Return the segments of a frame as a table; `classes` is the index by category id."""
    return SegmentTable(
        np.full(len(segments), frame, dtype=np.int64),
        np.array([row.id for row in segments], dtype=np.int64),
        np.array([classes[row.category] for row in segments], dtype=np.int64),
        np.array([row.crowd for row in segments], dtype=bool),
        np.array([row.area for row in segments], dtype=np.int64),
    )


def _lines(ids: Ints, table: SegmentTable, picture: Path, listed_in: Path) -> Ints:
    """Return the line of each id `(M,)`, -1 for void."""
    lines = {0: -1} | {int(number): line for line, number in enumerate(table.ids)}
    for number in ids:
        if int(number) not in lines:
            raise DatasetError(f"{picture}: id {number} is not listed in {listed_in}")
    return np.array([lines[int(number)] for number in ids], dtype=np.int64)


def _joined(
    pairs: tuple[PixelPairs, ...],
    truth: tuple[SegmentTable, ...],
    found: tuple[SegmentTable, ...],
) -> PixelPairs:
    """Return the pairs of all frames, with lines of the joined tables."""
    return PixelPairs(
        np.concatenate([part.frames for part in pairs]),
        _shifted([part.truth for part in pairs], truth),
        _shifted([part.found for part in pairs], found),
        np.concatenate([part.counts for part in pairs]),
    )


def _shifted(lines: list[Ints], tables: tuple[SegmentTable, ...]) -> Ints:
    starts = np.cumsum([0, *(len(table.ids) for table in tables)])
    moved = [
        np.where(part < 0, -1, part + start) for part, start in zip(lines, starts, strict=False)
    ]
    return np.asarray(np.concatenate(moved), dtype=np.int64)
