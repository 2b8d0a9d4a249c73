"""Runs a model over annotated clips, frame by frame, and sums up what it was worth."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from maskstream_model.aliases import Bools, Floats, Frame, Progress
from maskstream_model.errors import ConfigError
from maskstream_model.port import FrameResult, Model, ModelInfo, TrackTable
from maskstream_model.video import segment_video
from maskstream_train.evaluation.records import (
    MIN_FRAMES,
    EvaluatedVideo,
    TrackFrame,
    VideoRecorder,
)
from maskstream_train.evaluation.report import ClipReport, ReportBuilder
from maskstream_train.evaluation.sources import AnnotatedClip
from maskstream_train.evaluation.submission import ResultCollector


def evaluate_model(
    model: Model[Any],
    clips: Iterable[AnnotatedClip],
    progress: Progress | None = None,
    score_min: float = 0.0,
    collector: ResultCollector | None = None,
) -> ClipReport:
    """Run `model` over clips and measure it.

    Args:
        model: what is measured; of any family with classes.
        clips: with their truth; each is read once, frame by frame.
        progress: called with the number of frames done since the last call.
        score_min: tracks scored lower are hidden from identity metrics, as from a viewer.
        collector: keeps the tracks for a result file, where one is wanted.

    Raises:
        ConfigError: the model has no classes of its own.
    """
    builder = ReportBuilder(num_classes(model.info), score_min)
    for clip in clips:
        builder.add(_run(model, clip, progress, collector))
    return builder.report()


def num_classes(info: ModelInfo) -> int:
    """Return the number of a model's classes.

    Raises:
        ConfigError: they are what prompts say.
    """
    if info.classes is None:
        raise ConfigError(f"{info.name} has no classes of its own: it cannot be measured here")
    return len(info.classes)


def min_frames(info: ModelInfo) -> int:
    """Return how many frames a track needs to be a result, unless it reaches the last one.

    The rule applies to models without later frames (docs/model.md 3.6).
    """
    return MIN_FRAMES if info.lookahead == 0 else 1


def track_frame(result: FrameResult, classes: int) -> TrackFrame:
    """Return a result as `records` takes it, masks `(N, height, width)`."""
    rows = np.arange(len(result.tracks.track_ids))
    return replace(unmasked(result, classes), masks=result.masks.crops(rows, result.size).whole())


def unmasked(result: FrameResult, classes: int) -> TrackFrame:
    """Return a result as `records` takes it, with masks of no pixels."""
    tracks = result.tracks
    return TrackFrame(
        track_ids=tracks.track_ids,
        status=tracks.status,
        scores=tracks.scores.astype(np.float64),
        class_scores=_class_scores(tracks, classes),
        masks=np.zeros((len(tracks.track_ids), 0, 0), dtype=bool),
    )


def _class_scores(tracks: TrackTable, classes: int) -> Floats:
    """Return `(N, K)` float64; a model that does not say them says the best one."""
    if tracks.class_scores is not None:
        return tracks.class_scores.astype(np.float64)
    scores = np.zeros((len(tracks.labels), classes))
    scores[np.arange(len(tracks.labels)), tracks.labels] = tracks.scores
    return scores


def stream(
    model: Model[Any], frames: Iterable[Frame], progress: Progress | None = None
) -> Iterator[TrackFrame]:
    """Yield what `model` says about each frame, masks in the frame's size."""
    classes = num_classes(model.info)
    for result in segment_video(model, frames):
        yield track_frame(result, classes)
        if progress is not None:
            progress(1)


def _run(
    model: Model[Any],
    clip: AnnotatedClip,
    progress: Progress | None,
    collector: ResultCollector | None,
) -> EvaluatedVideo:
    recorder = VideoRecorder(clip.truth_labels, clip.crowd, min_frames(model.info))
    truths = deque[Bools]()

    def frames() -> Iterator[Frame]:
        for frame, truth in clip.frames:
            truths.append(truth)
            yield frame

    for tracks in stream(model, frames(), progress):
        recorder.add(tracks, truths.popleft())
        if collector is not None:
            collector.add(tracks)
    record = recorder.record()
    if collector is not None:
        collector.finish(clip.id, record)
    return record
