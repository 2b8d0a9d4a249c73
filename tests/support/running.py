"""Runs an online model over frames and compares what it says."""

from collections.abc import Sequence

import torch

from maskstream_model.aliases import Frame
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.state import TrackerState
from maskstream_model.port import FrameResult
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.results import InstanceMasks

TENSORS = (
    "track_ids",
    "status",
    "logits",
    "mean_logits",
    "mask_logits",
    "scores",
    "labels",
    "ages",
)


def run(
    model: OnlineDaq,
    frames: Sequence[Frame],
    state: TrackerState | None = None,
    max_tracks: int | None = None,
) -> tuple[list[FrameOutput], TrackerState]:
    """Step all frames; return their outputs and the memory after the last one."""
    state = model.begin() if state is None else state
    outputs = []
    for frame in frames:
        output, state = model.track_frame(frame, state, max_tracks)
        outputs.append(output)
    return outputs, state


def assert_same(ours: FrameOutput, theirs: FrameOutput) -> None:
    """Every bit is the same."""
    for name in TENSORS:
        assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
    assert (ours.resized, ours.padded) == (theirs.resized, theirs.padded)
    assert ours.num_refused == theirs.num_refused


def assert_agree(ours: FrameOutput, theirs: FrameOutput, tolerance: float) -> None:
    """Identities and events are the same, values agree within float noise."""
    for name in ("track_ids", "status", "labels", "ages"):
        assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
    for name in ("logits", "mean_logits", "mask_logits", "scores"):
        torch.testing.assert_close(
            getattr(ours, name), getattr(theirs, name), rtol=tolerance, atol=tolerance
        )


def run_batch(
    model: OnlineDaq, frames: Sequence[Frame], states: Sequence[TrackerState]
) -> tuple[list[FrameOutput], list[TrackerState]]:
    """Track one frame of each of several sessions together."""
    with torch.no_grad():
        segmented = model.prepare(frames)
        return model.track(segmented.output, states, segmented.resized)


def assert_result(ours: FrameResult, theirs: FrameOutput, tolerance: float = 0.0) -> None:
    """A result says what the trackers said: events are the same, values agree."""
    for name in ("track_ids", "status", "labels", "ages"):
        assert getattr(ours.tracks, name).tolist() == getattr(theirs, name).tolist(), name
    assert isinstance(ours.masks, InstanceMasks)
    scores = torch.from_numpy(ours.tracks.scores)
    torch.testing.assert_close(scores, theirs.scores, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(
        ours.masks.mask_logits, theirs.mask_logits, rtol=tolerance, atol=tolerance
    )
