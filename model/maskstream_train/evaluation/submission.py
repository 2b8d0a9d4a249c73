"""Result files in the form that the servers of YouTube-VIS and OVIS take, made from a run."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools, Ints
from maskstream_train.data.rle import encode_rle
from maskstream_train.evaluation.records import EvaluatedVideo, TrackFrame
from maskstream_train.evaluation.results import Detection
from maskstream_train.evaluation.whole import whole_file


class ResultCollector:
    """Keeps tracks of a run, encoded, until they are written as a result file.

    Args:
        categories: category id of each class of the model; None writes each track once, as
            category 1, for class-agnostic scoring.
    """

    def __init__(self, categories: Sequence[int] | None) -> None:
        self._categories = categories
        self._frames: list[dict[int, Any]] = []
        self._empty: Any = None
        self.detections: list[Detection] = []

    def add(self, frame: TrackFrame) -> None:
        """Encode the masks of one frame."""
        self.add_masks(frame.track_ids, [frame.masks], frame.masks.shape[1:])

    def add_masks(self, track_ids: Ints, parts: Iterable[Bools], size: tuple[int, ...]) -> None:
        """Encode the masks of one frame, which come in parts so that few are there at once.

        Args:
            track_ids: `(N,)`.
            parts: masks `(n, height, width)`, together `N`.
            size: `(height, width)`.
        """
        encoded = [encode_rle(mask) for part in parts for mask in part]
        self._frames.append(dict(zip(track_ids.tolist(), encoded, strict=True)))
        self._empty = encode_rle(np.zeros(size, dtype=bool))

    def finish(self, video_id: int, record: EvaluatedVideo) -> None:
        """Close a video: its best pairs of track and class become detections.

        Every frame has a mask, an empty one where there is no track (docs/model.md 3.6).
        """
        tracks, labels, scores = record.best_entries(agnostic=self._categories is None)
        for track, label, score in zip(tracks, labels, scores, strict=True):
            number = int(record.track_ids[track])
            segmentations = tuple(frame.get(number, self._empty) for frame in self._frames)
            category = 1 if self._categories is None else self._categories[label]
            self.detections.append(Detection(video_id, category, float(score), segmentations))
        self._frames = []


@contextmanager
def result_file(path: Path) -> Iterator[Callable[[Iterable[Detection]], None]]:
    """Open a result file that is written atomically; yields a function that writes detections.

    Raises:
        ConfigError: nothing can be written there.
    """
    with whole_file(path) as file:
        separators = chain(["["], repeat(",\n"))

        def write(detections: Iterable[Detection]) -> None:
            for found in detections:
                item = {
                    "video_id": found.video_id,
                    "category_id": found.category,
                    "score": found.score,
                    "segmentations": list(found.segmentations),
                }
                file.write(next(separators) + json.dumps(item))

        yield write
        file.write("[]" if next(separators) == "[" else "]")


def write_results(path: Path, detections: Sequence[Detection]) -> None:
    """Write a result file, whole or not at all."""
    with result_file(path) as write:
        write(detections)
