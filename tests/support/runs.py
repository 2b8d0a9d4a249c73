"""Whole clips through our model, as the reference's recordings were made."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from maskstream_model.aliases import Frame
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.state import TrackerState
from maskstream_model.tasks.output import FrameOutput
from maskstream_model.tasks.preprocess import prepare
from support.recorded import Arrays, Recorded
from support.ties import Segmented, Step, steps_with_ties

VALUES = 2e-3
# The bounds of goldens/README.md: ties of attention masks, in a segmenter of its own, stay there.
LOOSE_VALUES, LOOSE_POSITIONS = 3e-2, 1e-1


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
        return LOOSE_VALUES if self.own_segmenter else VALUES

    @property
    def positions(self) -> float:
        """The same of momentum appearances."""
        return LOOSE_POSITIONS if self.own_segmenter else VALUES

    @property
    def own_segmenter(self) -> bool:
        """Whether our segmenter makes what the trackers read, as nothing is recorded of it."""
        return self.clip != "clip_96x160"


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
        self.run = cache(self._run)

    def _run(self, case: Case) -> Run:
        model = self.recorded.model(case.variant, **dict(case.online))
        frames = self._frames(model, case)
        states, num_ties = [model.begin()], 0
        steps: list[Step] = []
        for time in range(case.first_recorded, case.num_frames):
            expected = self.recorded.frame(time, case.name)
            # What is not recorded is run, and searched for ties, with the next frame that is.
            found, turned = steps_with_ties(
                model, frames[len(steps) : time + 1], states[-1], partial(miss_of, expected)
            )
            steps += found
            states += [step.state for step in found]
            num_ties += len(turned)
        return Run(case, steps, states, num_ties)

    def _frames(self, model: OnlineDaq, case: Case) -> list[Callable[[], Segmented]]:
        """Give the trackers' frames: those recorded, or each segmented when it is asked for."""
        if not case.own_segmenter:
            return [partial(self._recorded, time) for time in range(case.num_frames)]
        clip = self.recorded.reference.clip(case.clip)[: case.num_frames]
        return [partial(_segment, model, frame) for frame in clip]

    def _recorded(self, time: int) -> Segmented:
        return self.recorded.segmented(time), [(96, 160)]


@torch.no_grad()
def _segment(model: OnlineDaq, frame: Frame) -> Segmented:
    batch = prepare([frame], model.config.online)
    return model.segmenter(batch.images), list(batch.resized)


def difference(ours: Tensor, theirs: NDArray[np.generic]) -> float:
    """The largest difference beyond the rounding of a recording in half precision."""
    values, half = ours.numpy(), theirs.dtype == np.float16
    recorded = theirs.astype(np.float32)
    if values.shape != recorded.shape:
        return float("inf")
    rounding = 1e-3 * np.abs(recorded) if half else 0
    return float((np.abs(values - recorded) - rounding).max(initial=0))


def miss_of(expected: Arrays, step: Step) -> float:
    """Return how far a step is from its recording."""
    return max(
        difference(step.state.queries, expected["track_queries"]),
        difference(step.state.positions, expected["track_pos"]),
        difference(step.logits, expected["cand_logits"]),
    )
