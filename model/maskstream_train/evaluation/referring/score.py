"""`maskstream score ref-ytvos|ref-davis`: pictures of masks in, J&F out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.optimize import linear_sum_assignment

from maskstream_model.aliases import Bools, Floats
from maskstream_model.command_errors import printable
from maskstream_model.errors import DatasetError
from maskstream_train.data.referring import VOID, ReferringVideo, open_referring, read_objects
from maskstream_train.evaluation.referring.folders import (
    DAVIS,
    ReferringForm,
    num_annotators,
    object_pictures,
    sentence_pictures,
)
from maskstream_train.evaluation.referring.measures import (
    Shape,
    contour_accuracy,
    region_similarity,
)

NAMES = {"ref-ytvos": "Ref-YouTube-VOS", DAVIS: "Ref-DAVIS17"}
MAX_OBJECTS = 20
"""Objects that DAVIS lets a result have in a video."""
Quality = Floats
"""`(..., 2)` of J and F, fractions of 1."""


@dataclass(frozen=True)
class ReferringScore:
    """Means over what was to be found, fractions of 1.

    Attributes:
        title: of the benchmark.
        videos: `(n, 2)` J and F of each sentence, or object and annotator, by name of the video.
        notes: sentences for people.
    """

    title: str
    videos: Mapping[str, Quality]
    notes: Sequence[str] = ()

    @property
    def overall(self) -> dict[str, float]:
        """J&F, J and F over all that was to be found."""
        return _named(np.concatenate(list(self.videos.values())))

    def as_json(self) -> dict[str, Any]:
        """Return `overall` and `per_video`."""
        per_video = {name: _named(rows) for name, rows in self.videos.items()}
        return {"overall": self.overall, "per_video": per_video}

    def tables(self) -> list[Table]:
        """Return a table in percent: all videos, then each."""
        table = Table("video", "J&F", "J", "F", title=self.title)
        rows = {"all": self.overall, **{name: _named(each) for name, each in self.videos.items()}}
        for name, row in rows.items():
            table.add_row(Text(printable(name)), *(f"{100 * value:.2f}" for value in row.values()))
        return [table]


def _named(rows: Quality) -> dict[str, float]:
    region, contour = rows.mean(0).tolist()
    return {"J&F": (region + contour) / 2, "J": region, "F": contour}


def score_referring(truth: Path, results: Path, form: ReferringForm) -> ReferringScore:
    """Score a folder of results.

    Args:
        truth: `meta_expressions.json`, or the folder of a split.
        results: folder in the form that `folders` describes.
        form: of the benchmark.

    Raises:
        DatasetError: no truth, or a picture that is missing or not as it should be.
    """
    return score_videos(open_referring(truth), results, form)


def score_videos(
    videos: Sequence[ReferringVideo], results: Path, form: ReferringForm
) -> ReferringScore:
    """Score results of some videos; see `score_referring`."""
    measure = _objects if form == DAVIS else _sentences
    found = {}
    for video in videos:
        if not video.annotated:
            raise DatasetError(f"video {video.info.name} has no truth to score against")
        found[video.info.name] = measure(video, results)
    return ReferringScore(NAMES[form], found)


def _sentences(video: ReferringVideo, results: Path) -> Quality:
    """Return the mean over the frames of each sentence, `(sentences, 2)`."""
    size = (video.info.height, video.info.width)
    pictures = [sentence_pictures(results, video, each) for each in video.expressions]
    frames = []
    for number, path in enumerate(video.truths):
        truth = read_objects(path, size)
        shapes = {number: Shape.of(truth == number) for number in video.by_object}
        found = [Shape.of(read_objects(each[number], size) > 0) for each in pictures]
        wanted = [shapes[each.object_id] for each in video.expressions]
        frames.append([_pair(one, other) for one, other in zip(found, wanted, strict=True)])
    return np.asarray(np.mean(frames, 0))


def _objects(video: ReferringVideo, results: Path) -> Quality:
    """Return that of each annotator and object, `(annotators * objects, 2)`."""
    annotators = range(num_annotators(video))
    return np.concatenate([_annotator(video, results, number) for number in annotators])


def _annotator(video: ReferringVideo, results: Path, annotator: int) -> Quality:
    """Return the mean over the frames of each true object, `(objects, 2)`.

    As in the evaluator for objects without names, objects and results are matched such that the sum
    is largest; pixels of no clear object are left out.
    """
    size = (video.info.height, video.info.width)
    found = [read_objects(p, size) for p in object_pictures(results, video, annotator)]
    truth = [read_objects(path, size) for path in video.truths]
    first = truth[0]
    count = int(first[first != VOID].max(initial=0))
    if count == 0:
        raise DatasetError(f"{video.truths[0]} shows no object; DAVIS counts them there")
    most = max(int(ids.max()) for ids in found)
    if most > MAX_OBJECTS:
        raise DatasetError(f"results of {video.info.name} have {most} objects, over {MAX_OBJECTS}")
    # (frames, objects, results, 2) -> (objects, results, 2)
    pairs = np.mean(
        [
            [[_pair(one, true) for one in shapes] for true in wanted]
            for shapes, wanted in _shapes(found, truth, max(most, count), count)
        ],
        0,
    )
    rows, columns = linear_sum_assignment(pairs.mean(-1), maximize=True)
    return np.asarray(pairs[rows, columns])


def _shapes(
    found: Sequence[Any], truth: Sequence[Any], num_found: int, count: int
) -> Iterator[tuple[list[Shape], list[Shape]]]:
    """Yield the shapes of results and of objects of each frame."""
    for ids, true in zip(found, truth, strict=True):
        clear: Bools = true != VOID
        yield (
            [Shape.of((ids == number) & clear) for number in range(1, num_found + 1)],
            [Shape.of(true == number) for number in range(1, count + 1)],
        )


def _pair(found: Shape, truth: Shape) -> tuple[float, float]:
    return region_similarity(found, truth), contour_accuracy(found, truth)
