"""Runs an online model over annotated clips, frame by frame, and sums up what it was worth."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
from torch import Tensor

from maskstream_model.aliases import Frame, Progress
from maskstream_model.config import ModelConfig
from maskstream_model.tasks.output import FrameOutput
from maskstream_train.evaluation.records import TrackFrame, VideoRecord, VideoRecorder
from maskstream_train.evaluation.report import Report, ReportBuilder
from maskstream_train.evaluation.sources import AnnotatedClip
from maskstream_train.evaluation.submission import ResultCollector

State = TypeVar("State")


class OnlineModel(Protocol[State]):
    """The part of `interface.OnlineSegmenter` that an evaluation calls."""

    config: ModelConfig

    def initial_state(self) -> State:
        """Return the memory of a session that has seen nothing."""
        ...

    def step_frame(
        self, frame: Frame, state: State, max_tracks: int | None = None
    ) -> tuple[FrameOutput, State]:
        """Segment and track one frame."""
        ...


def evaluate_online(
    model: OnlineModel[State],
    clips: Iterable[AnnotatedClip],
    progress: Progress | None = None,
    score_min: float = 0.0,
    collector: ResultCollector | None = None,
) -> Report:
    """Run `model` over clips and measure it.

    Args:
        model: what is measured.
        clips: with their truth; each is read once, frame by frame.
        progress: called with the number of frames done since the last call.
        score_min: tracks scored lower are hidden from identity metrics, as from a viewer.
        collector: keeps the tracks for a result file, where one is wanted.
    """
    builder = ReportBuilder(model.config.num_classes, score_min)
    for clip in clips:
        builder.add(_run(model, clip, progress, collector))
    return builder.report()


def track_frame(output: FrameOutput, height: int, width: int) -> TrackFrame:
    """Return what a model said about a frame as plain arrays, masks `(N, height, width)`."""
    return replace(unmasked(output), masks=_array(output.masks(height, width)))


def unmasked(output: FrameOutput) -> TrackFrame:
    """Return what a model said about a frame as plain arrays, with masks of no pixels."""
    return TrackFrame(
        track_ids=_array(output.track_ids),
        status=_array(output.status),
        scores=_array(output.scores).astype(np.float64),
        logits=_array(output.logits).astype(np.float64),
        masks=np.zeros((len(output.track_ids), 0, 0), dtype=bool),
    )


def stream(
    model: OnlineModel[State], frames: Iterable[Frame], progress: Progress | None = None
) -> Iterator[TrackFrame]:
    """Yield what `model` says about each frame, masks in the frame's size."""
    state = model.initial_state()
    for frame in frames:
        output, state = model.step_frame(frame, state)
        yield track_frame(output, *frame.shape[:2])
        if progress is not None:
            progress(1)


def _run(
    model: OnlineModel[State],
    clip: AnnotatedClip,
    progress: Progress | None,
    collector: ResultCollector | None,
) -> VideoRecord:
    recorder = VideoRecorder(clip.truth_labels, clip.crowd)
    state = model.initial_state()
    for frame, truth in clip.frames:
        output, state = model.step_frame(frame, state)
        tracks = track_frame(output, *frame.shape[:2])
        recorder.add(tracks, truth)
        if collector is not None:
            collector.add(tracks)
        if progress is not None:
            progress(1)
    record = recorder.record()
    if collector is not None:
        collector.finish(clip.id, record)
    return record


def _array(tensor: Tensor) -> npt.NDArray[Any]:
    return np.asarray(tensor.detach().cpu().numpy())
