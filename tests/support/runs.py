"""Whole clips through our model, as the reference's recordings were made."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.daq.state import TrackerState
from maskstream_model.interface import FrameOutput
from maskstream_model.mask2former.segmenter import SegmenterOutput
from maskstream_model.tasks.preprocess import prepare
from support.recorded import Arrays, Recorded
from support.ties import Step, step_with_ties

VALUES = 2e-3
# The bound of goldens/README.md: ties of attention masks, in a segmenter of its own, stay there.
LOOSE_VALUES = 3e-2
Segments = list[tuple[SegmenterOutput, list[tuple[int, int]]]]


@dataclass(frozen=True)
class Case:
    """One recorded run: what it was run on, and how."""

    name: str
    clip: str
    num_frames: int
    first_recorded: int = 0
    variant: str = "daq_r50_ovis"
    online: tuple[tuple[str, float], ...] = ()

    @property
    def values(self) -> float:
        """Largest difference allowed; less where the segmenter's outputs are the recorded ones."""
        return VALUES if self.clip == "clip_96x160" else LOOSE_VALUES


@dataclass(frozen=True)
class Run:
    """What our model made of a case, frame by frame; `states` are the memories before each."""

    case: Case
    steps: list[Step]
    states: list[TrackerState]
    num_ties: int

    @property
    def outputs(self) -> list[FrameOutput]:
        return [step.output for step in self.steps]


class Runs:
    """Runs cases, each once."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self.segments = cache(self._segments)
        self.run = cache(self._run)

    def _segments(self, variant: str, clip: str, num_frames: int) -> Segments:
        """Segmenter outputs and sizes of a clip's frames; cases of one clip share them."""
        if clip == "clip_96x160":
            return [(self.recorded.segmented(time), [(96, 160)]) for time in range(num_frames)]
        model = self.recorded.model(variant)
        with torch.no_grad():
            prepared = [
                prepare([frame], model.config.online)
                for frame in self.recorded.reference.clip(clip)[:num_frames]
            ]
            return [(model.segmenter(batch.images), list(batch.resized)) for batch in prepared]

    def _run(self, case: Case) -> Run:
        model = self.recorded.model(case.variant, **dict(case.online))
        steps: list[Step] = []
        states, num_ties = [model.initial_state()], 0
        for time, segmented in enumerate(self.segments(case.variant, case.clip, case.num_frames)):

            def miss(step: Step, time: int = time) -> float:
                known = time >= case.first_recorded
                return miss_of(step, self.recorded.frame(time, case.name)) if known else 0.0

            step, turned = step_with_ties(model, segmented, states[-1], miss)
            steps.append(step)
            states.append(step.state)
            num_ties += len(turned)
        return Run(case, steps, states, num_ties)


def difference(ours: Tensor, theirs: NDArray[np.generic]) -> float:
    """The largest difference beyond the rounding of a recording in half precision."""
    values, half = ours.numpy(), theirs.dtype == np.float16
    recorded = theirs.astype(np.float32)
    if values.shape != recorded.shape:
        return float("inf")
    rounding = 1e-3 * np.abs(recorded) if half else 0
    return float((np.abs(values - recorded) - rounding).max(initial=0))


def miss_of(step: Step, expected: Arrays) -> float:
    return max(
        difference(step.state.queries, expected["track_queries"]),
        difference(step.state.positions, expected["track_pos"]),
        difference(step.logits, expected["cand_logits"]),
    )
