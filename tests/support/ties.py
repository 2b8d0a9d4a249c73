"""Steps of a model in which mask pixels that lie on 0 up to rounding may fall on either side.

Pooling takes the pixels above 0 (SPEC.md section 8): where one is within rounding of 0, the order
of a sum decides, an appearance moves by 1e-1 and everything after it moves too. A step that misses
its recording is therefore tried again with each such pixel on its other side. Nothing else is
forgiven.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from torch import Tensor

from maskstream_model.daq import appearance
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.state import TrackerState
from maskstream_model.interface import FrameOutput
from maskstream_model.mask2former.segmenter import SegmenterOutput

ON_ZERO = 1e-5
"""The ties seen so far lie at 5e-7 and 1.4e-6; mask logits are of size 6."""
MISSED = 1e-3
"""A step that differs by more has met a tie; rounding alone moves it by 1e-5."""

Pixel = tuple[int, ...]


@dataclass
class Step:
    """What came of one step.

    Attributes:
        output: of the model.
        state: the memory after it.
        logits: `(N + Q, K + 1)`, what tracker 1 said of all of its rows.
        ties: pixels on 0, as (call of the pooling, frame, mask, row, column).
    """

    output: FrameOutput
    state: TrackerState
    logits: Tensor
    ties: list[Pixel]


@dataclass
class _Pooling:
    """Pools as the model does, but for the pixels that are turned; notes what lies on 0."""

    turned: tuple[Pixel, ...]
    calls: int = 0
    ties: list[Pixel] = field(default_factory=list)

    def __call__(self, mask_logits: Tensor, mask_features: Tensor) -> Tensor:
        on_zero = (mask_logits.abs() < ON_ZERO).nonzero().tolist()
        self.ties += [(self.calls, *place) for place in on_zero]
        mask_logits = mask_logits.clone()
        for call, *place in self.turned:
            if call == self.calls:
                mask_logits[tuple(place)] = -1.0 if mask_logits[tuple(place)] > 0 else 1.0
        self.calls += 1
        return appearance.pool(mask_logits, mask_features)


def step_with_ties(
    model: OnlineDaq,
    segmented: tuple[SegmenterOutput, list[tuple[int, int]]],
    state: TrackerState,
    miss: Callable[[Step], float],
) -> tuple[Step, tuple[Pixel, ...]]:
    """Track one frame; return the step that misses the recording least, and the ties turned."""
    turned: tuple[Pixel, ...] = ()
    best = _step(model, segmented, state, turned)
    while miss(best) > MISSED:
        rest = [(*turned, tie) for tie in best.ties if tie not in turned]
        tries = [(_step(model, segmented, state, ties), ties) for ties in rest]
        step, ties = min(tries, key=lambda pair: miss(pair[0]), default=(best, turned))
        if miss(step) >= miss(best):
            break
        best, turned = step, ties
    return best, turned


def _step(
    model: OnlineDaq,
    segmented: tuple[SegmenterOutput, list[tuple[int, int]]],
    state: TrackerState,
    turned: tuple[Pixel, ...],
) -> Step:
    pooling, said = _Pooling(turned), []
    handle = model.tracker.class_embed.register_forward_hook(lambda *call: said.append(call[2][0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maskstream_model.daq.tracker.pool", pooling)
        (output,), (after,) = model.track(segmented[0], [state], segmented[1])
    handle.remove()
    return Step(output, after, said[0], pooling.ties)
