"""Many trackers on the same segmentations: thresholds tried, and the baseline beside the model.

Segmenting is most of the work and does not depend on a tracker's rules, so each clip is segmented
once. Memory is bounded by one segmented clip.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from maskstream_model.aliases import Bools, Progress, Size
from maskstream_model.daq.hungarian import OnlineHungarian
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.tracker_model import TrackerModel
from maskstream_model.query_tracking import SegmentedFrames
from maskstream_model.tasks.results import frame_result
from maskstream_train.evaluation.evaluate import track_frame
from maskstream_train.evaluation.records import EvaluatedVideo, VideoRecorder
from maskstream_train.evaluation.report import ClipReport, ReportBuilder
from maskstream_train.evaluation.sources import AnnotatedClip
from maskstream_train.evaluation.sweep import Rules

SIMILARITY_MIN = "similarity_min"
"""The one rule that only the baseline has."""


@dataclass(frozen=True)
class SegmentedFrame:
    """A frame after the segmenter, its size, and the true masks `(G, *size)`."""

    segmented: SegmentedFrames
    size: Size
    truth: Bools


def evaluate_variants(
    model: OnlineDaq,
    variants: Mapping[str, TrackerModel],
    clips: Iterable[AnnotatedClip],
    progress: Progress | None = None,
    score_min: float = 0.0,
) -> dict[str, ClipReport]:
    """Measure several trackers on the same clips.

    Args:
        model: whose segmenter and rules of size are used.
        variants: trackers by name.
        clips: with their truth; each is read once.
        progress: called with the number of frames tracked since the last call, of all variants.
        score_min: see `evaluate_model`.
    """
    builders = {name: ReportBuilder(model.config.num_classes, score_min) for name in variants}
    for clip in clips:
        frames = segment_clip(model, clip)
        for name, tracker in variants.items():
            builders[name].add(_record(tracker, clip, frames))
            if progress is not None:
                progress(len(frames))
    return {name: builder.report() for name, builder in builders.items()}


@torch.no_grad()
def segment_clip(model: OnlineDaq, clip: AnnotatedClip) -> list[SegmentedFrame]:
    """Segment all frames of a clip."""
    return [
        SegmentedFrame(model.prepare([frame]), (frame.shape[0], frame.shape[1]), truth)
        for frame, truth in clip.frames
    ]


def _record(
    tracker: TrackerModel, clip: AnnotatedClip, frames: Sequence[SegmentedFrame]
) -> EvaluatedVideo:
    recorder = VideoRecorder(clip.truth_labels, clip.crowd)
    states = [tracker.begin()]
    for index, frame in enumerate(frames, 1):
        outputs, states = tracker.track(frame.segmented.output, states, frame.segmented.resized)
        result = frame_result(outputs[0], index, frame.size, tracker.config)
        recorder.add(track_frame(result, tracker.config.num_classes), frame.truth)
    return recorder.record()


def daq_variant(model: OnlineDaq, rules: Rules) -> OnlineDaq:
    """Return `model` with other rules and the same networks.

    Raises:
        ConfigError: an unknown rule, or a value out of range.
    """
    config = replace(model.config, online=model.config.online.override(**rules))
    return OnlineDaq(config, model.segmenter, model.tracker, model.device, model.fingerprint)


def hungarian_variant(model: OnlineDaq, rules: Rules) -> OnlineHungarian:
    """Return the training-free baseline on the segmenter of `model`.

    Raises:
        ConfigError: an unknown rule, or a value out of range.
    """
    online = {name: value for name, value in rules.items() if name != SIMILARITY_MIN}
    config = replace(model.config, online=model.config.online.override(**online))
    asked = rules.get(SIMILARITY_MIN)
    least = -1.0 if asked is None else asked
    return OnlineHungarian(config, model.segmenter, model.device, model.fingerprint, least)
