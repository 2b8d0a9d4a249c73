"""Measures a model on annotated pictures, each the first frame of a session of its own.

A track is one detection, with the class and the score that a client receives. Areas are shares of
the picture. The overlap of a detection with a crowd is the share of its own pixels there, as in
COCO's evaluator. Where classes are ignored, objects of categories that are not measured count as
crowds: finding one is neither right nor wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools, Ints, Progress
from maskstream_model.errors import ConfigError, DatasetError
from maskstream_model.port import Model
from maskstream_train.data.videos import VideoDataset
from maskstream_train.evaluation.evaluate import stream
from maskstream_train.evaluation.matching import TubeOverlaps, match
from maskstream_train.evaluation.overlap import count_overlaps, tube_ious
from maskstream_train.evaluation.records import TrackFrame
from maskstream_train.evaluation.stills_score import (
    LARGE_SHARE,
    SCORES,
    ByScore,
    Precision,
    StillsScore,
)
from maskstream_train.evaluation.vis_metrics import Stratum, VisMetric

LARGE = (Stratum("", area=(LARGE_SHARE, 1.0)),)
WHOLE = (Stratum(""),)
NOT_MEASURED, NOT_NAMED = -1, -2
"""Labels of true objects of other categories, and of tracks of classes that are not measured."""


def measure_stills(
    model: Model[Any],
    reader: VideoDataset,
    names: Sequence[str],
    settings: Mapping[str, Any],
    progress: Progress,
) -> StillsScore:
    """Run `model` over the pictures of `reader` and measure it.

    Args:
        model: with fixed classes.
        reader: pictures, each a video of one frame.
        names: categories to measure; empty: all that are classes of the model. A category that
            is none has an AP of 0.
        settings: copied into the result.
        progress: called with the number of pictures done since the last call.

    Raises:
        ConfigError: the model has no fixed classes, or none of the data's.
        DatasetError: a name that is no category of the data; a broken annotation or picture.
    """
    known = [item.name for item in model.info.classes or ()]
    listed = [category.name for category in reader.categories]
    names = measured_names(names, listed, known)
    labels = _rows_of(known, names, NOT_NAMED)
    truth_labels = _rows_of(listed, names, NOT_MEASURED)
    by_class, large = VisMetric(range(len(names)), WHOLE), VisMetric(range(len(names)), LARGE)
    agnostic = VisMetric([0], WHOLE)
    score_min = model.info.show_score_min
    thresholds = (score_min, *SCORES)
    named, unnamed = ([Precision()] * len(thresholds) for _ in range(2))
    objects = 0
    for number in range(len(reader.videos)):
        picture = reader.read(number, [0])
        (tracks,) = stream(model, [picture.frames[0]], progress)
        truth = truth_labels[picture.labels]
        whole = overlaps_of(tracks, labels, picture.masks[0], truth, picture.crowd)
        aside = _aside(whole)
        by_class.add(whole)
        large.add(whole)
        agnostic.add(aside)
        objects += int((~whole.crowd & (truth >= 0)).sum())
        parts = [whole.of_class(label) for label in range(len(names))]
        for place, threshold in enumerate(thresholds):
            for part in parts:
                named[place] += precision_of(part, threshold)
            unnamed[place] += precision_of(aside.of_class(0), threshold)
    return StillsScore(
        settings,
        names,
        len(reader.videos),
        by_class.summary(),
        large.summary(),
        agnostic.summary(),
        named[0],
        unnamed[0],
        score_min,
        ByScore(named[1:], unnamed[1:], objects),
    )


def measured_names(
    names: Sequence[str], listed: Sequence[str], known: Sequence[str]
) -> Sequence[str]:
    """Return the categories to measure: `names`, or if empty those that are classes of the model.

    Raises:
        ConfigError: no category of the data is a class of the model.
        DatasetError: a name is no category of the data.
    """
    for name in names:
        if name not in listed:
            raise DatasetError(f"the data has no category {name!r}")
    chosen = names or [name for name in listed if name in known]
    if not chosen:
        raise ConfigError("no category of the data is a class of the model; give --names")
    return chosen


def _rows_of(listed: Sequence[str], names: Sequence[str], missing: int) -> Ints:
    """Return the index of each of `listed` in `names`, or `missing`."""
    places = {name: place for place, name in enumerate(names)}
    return np.array([places.get(name, missing) for name in listed], dtype=np.int64)


def overlaps_of(
    tracks: TrackFrame, labels: Ints, masks: Bools, truth_labels: Ints, crowd: Bools
) -> TubeOverlaps:
    """Return how the tracks of one picture overlap its true objects; areas are shares of it.

    Args:
        tracks: `N`, masks `(N, height, width)`.
        labels: `(K,)` label of each class of the model.
        masks: `(G, height, width)`.
        truth_labels: `(G,)`.
        crowd: `(G,)`.
    """
    counted = count_overlaps(tracks.masks, masks)
    areas, truth_areas = counted.areas.astype(np.float64), counted.truth_areas.astype(np.float64)
    ious = tube_ious(counted.areas[None], counted.truth_areas[None], counted.intersections[None])
    inside = counted.intersections / np.maximum(areas, 1)[:, None]
    num_pixels = float(np.prod(masks.shape[1:]))
    return TubeOverlaps(
        ious=np.where(crowd, inside, ious),
        scores=tracks.class_scores.max(axis=1, initial=0.0),
        labels=labels[tracks.class_scores.argmax(axis=1)],
        areas=areas / num_pixels,
        truth_labels=truth_labels,
        truth_areas=truth_areas / num_pixels,
        crowd=crowd,
    )


def _aside(overlaps: TubeOverlaps) -> TubeOverlaps:
    """Ignore classes; objects that are not measured become crowds."""
    crowd = overlaps.crowd | (overlaps.truth_labels == NOT_MEASURED)
    return replace(overlaps.agnostic(), crowd=crowd)


def precision_of(part: TubeOverlaps, score_min: float) -> Precision:
    """Count the detections of one class, best first, that have at least `score_min`."""
    shown = part.scores >= score_min
    matched, ignored = match(part.ious[shown], part.crowd, part.crowd)
    right = matched[0] & ~ignored[0]
    return Precision(int(right.sum()), int((~matched[0]).sum()))
