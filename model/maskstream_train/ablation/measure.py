"""What a tracker is worth on segmented clips: recall of events, AP of events, transition gap."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from maskstream_model.daq.online import OnlineDaq
from maskstream_model.tasks.results import frame_result
from maskstream_train.ablation.gap import Gap, Step, disappearance_gaps, emergence_gaps
from maskstream_train.ablation.segmented import SegmentedClips
from maskstream_train.evaluation.evaluate import track_frame
from maskstream_train.evaluation.identity import WITHIN_FRAMES, visits
from maskstream_train.evaluation.records import EvaluatedVideo, VideoRecorder
from maskstream_train.evaluation.report import ClipReport, ReportBuilder
from maskstream_train.evaluation.vis_metrics import EVENT_STRATA
from maskstream_train.training.targets import SegmentedBatch


@dataclass
class Gaps:
    """The gaps of all events so far, by kind."""

    emergence: list[Gap] = field(default_factory=list)
    disappearance: list[Gap] = field(default_factory=list)


def measure(model: OnlineDaq, clips: SegmentedClips) -> dict[str, float]:
    """Run a tracker over all clips and return its numbers by name.

    Recalls and precisions are fractions of 1, -1 where nothing was to be found. `*_cosine` and
    `*_distance` are means over `*_gaps` events; they are left out where there is none.
    """
    builder, gaps = ReportBuilder(model.config.num_classes, strata=EVENT_STRATA), Gaps()
    for number in range(clips.num_clips):
        builder.add(_run(model, clips.batch([number]), gaps))
    both = {
        "emergence": gaps.emergence,
        "disappearance": gaps.disappearance,
        "all": [*gaps.emergence, *gaps.disappearance],
    }
    means = [_means(kind, found) for kind, found in both.items()]
    return _numbers(builder.report()) | {k: v for part in means for k, v in part.items()}


def _run(model: OnlineDaq, clip: SegmentedBatch, gaps: Gaps) -> EvaluatedVideo:
    """Track one clip; notes the gaps of its events in `gaps`."""
    count = int(clip.present[0].any(0).sum())  # padding comes last
    masks, size = clip.masks[0, :, :count], (clip.masks.shape[-2], clip.masks.shape[-1])
    arriving, leaving = _events(clip.present[0, :, :count])
    recorder = VideoRecorder(clip.labels[0, :count].numpy())
    state, shown = model.begin(), torch.zeros(0, *clip.outputs[0].mask_logits.shape[2:])
    for time, frame in enumerate(clip.outputs):
        step = Step(state, frame, shown > 0)
        if arriving[time]:
            truth = _at_stride(masks[time, arriving[time]], shown)
            gaps.emergence.extend(emergence_gaps(model, step, truth))
        if leaving[time]:
            truth = _at_stride(masks[time - 1, leaving[time]], shown)
            gaps.disappearance.extend(disappearance_gaps(model, step, truth))
        outputs, states = model.track(frame, [state], [size])
        state, output = states[0], outputs[0]
        shown = output.mask_logits[: state.num_tracks]
        result = frame_result(output, time + 1, size, model.config)
        recorder.add(track_frame(result, model.config.num_classes), masks[time].numpy())
    return recorder.record()


def _events(present: Tensor) -> tuple[list[list[int]], list[list[int]]]:
    """Return the objects that arrive, and those that have left, on each frame of `(T, G)`."""
    num_frames = len(present)
    arriving: list[list[int]] = [[] for _ in range(num_frames)]
    leaving: list[list[int]] = [[] for _ in range(num_frames)]
    for item in range(present.shape[1]):
        for first, last in visits(present[:, item].numpy(), WITHIN_FRAMES):
            if first > 0:
                arriving[first].append(item)
            if last + 1 < num_frames:
                leaving[last + 1].append(item)
    return arriving, leaving


def _at_stride(masks: Tensor, like: Tensor) -> Tensor:
    """Return masks `(G, h, w)` on the grid `(H, W)` of mask logits."""
    shares = F.interpolate(masks[None].float(), like.shape[1:], mode="area")[0]
    return shares > 0.5


def _numbers(report: ClipReport) -> dict[str, float]:
    by_class = {f"{name}_by_class": value for name, value in report.by_class.overall.items()}
    return {**by_class, **report.agnostic.overall, **report.ratios()}


def _means(kind: str, gaps: Sequence[Gap]) -> dict[str, float]:
    means = {f"{kind}_gaps": float(len(gaps))}
    if gaps:
        means[f"{kind}_cosine"] = sum(gap.cosine for gap in gaps) / len(gaps)
        means[f"{kind}_distance"] = sum(gap.distance for gap in gaps) / len(gaps)
    return means
