"""Runs of a model in which numbers that lie on 0 up to rounding may fall on either side.

Two places ask for the sign of a logit (SPEC.md section 8): pooling takes the pixels above 0, the
mask decoder hides the cells below 0. Within rounding of 0 the order of a sum decides, one row moves
by up to 1e-1, and all after it. A run that misses its recording is therefore tried again with each
such number on its other side. Nothing else is forgiven.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

import pytest
import torch
from torch import Tensor

from maskstream_model.daq import appearance
from maskstream_model.daq.online import OnlineDaq
from maskstream_model.daq.state import TrackerState
from maskstream_model.interface import FrameOutput
from maskstream_model.mask2former.mask_decoder import Level, MaskDecoder
from maskstream_model.mask2former.segmenter import Segmenter, SegmenterOutput

ON_ZERO = 1e-5
"""The ties seen so far lie at 5e-7 and 1.4e-6; mask logits are of size 6."""
MISSED = 1e-4
"""What differs by more has met a tie; rounding alone moves it by 1e-5."""

Place = tuple[int, ...]
Outcome = TypeVar("Outcome", "Step", "Segmented")


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
    ties: list[Place]


@dataclass
class _Pooling:
    """Pools as the model does, but for the pixels that are turned; notes what lies on 0."""

    turned: tuple[Place, ...]
    calls: int = 0
    ties: list[Place] = field(default_factory=list)

    def __call__(self, mask_logits: Tensor, mask_features: Tensor) -> Tensor:
        on_zero = (mask_logits.abs() < ON_ZERO).nonzero().tolist()
        self.ties += [(self.calls, *place) for place in on_zero]
        mask_logits = mask_logits.clone()
        for call, *place in self.turned:
            if call == self.calls:
                mask_logits[tuple(place)] = -1.0 if mask_logits[tuple(place)] > 0 else 1.0
        self.calls += 1
        return appearance.pool(mask_logits, mask_features)


def turn_ties(
    run: Callable[[tuple[Place, ...]], Outcome], miss: Callable[[Outcome], float]
) -> tuple[Outcome, tuple[Place, ...]]:
    """Return the outcome that misses the recording least, and the ties turned for it.

    Args:
        run: computes with some ties turned.
        miss: how far an outcome is from its recording.
    """
    turned: tuple[Place, ...] = ()
    best = run(turned)
    while miss(best) > MISSED:
        rest = [(*turned, tie) for tie in best.ties if tie not in turned]
        tries = [(run(ties), ties) for ties in rest]
        outcome, ties = min(tries, key=lambda pair: miss(pair[0]), default=(best, turned))
        if miss(outcome) >= miss(best):
            break
        best, turned = outcome, ties
    return best, turned


def step_with_ties(
    model: OnlineDaq,
    segmented: tuple[SegmenterOutput, list[tuple[int, int]]],
    state: TrackerState,
    miss: Callable[[Step], float],
) -> tuple[Step, tuple[Place, ...]]:
    """Track one frame, with ties of the pooled masks turned where that meets the recording."""
    return turn_ties(lambda turned: _step(model, segmented, state, turned), miss)


@dataclass
class Segmented:
    """What came of one frame or batch: output, and cells on 0 as (layer, frame, query, cell)."""

    output: SegmenterOutput
    ties: list[Place]


def segment_with_ties(
    segmenter: Segmenter, images: Tensor, miss: Callable[[Segmented], float]
) -> SegmenterOutput:
    """Segment, with ties of the attention masks turned where that meets the recording."""
    outcome, _ = turn_ties(lambda turned: _segment(segmenter, images, turned), miss)
    return outcome.output


@torch.inference_mode()
def _segment(segmenter: Segmenter, images: Tensor, turned: tuple[Place, ...]) -> Segmented:
    ties: list[Place] = []
    layers, original = count(), MaskDecoder._blocked

    def blocked(decoder: MaskDecoder, embeddings: Tensor, level: Level) -> Tensor:
        logits, layer = decoder.mask_embed(embeddings) @ level.mask_features, next(layers)
        ties.extend((layer, *place) for place in (logits.abs() < ON_ZERO).nonzero().tolist())
        hidden = original(decoder, embeddings, level)
        for _, *place in (tie for tie in turned if tie[0] == layer):
            hidden[tuple(place)] = ~hidden[tuple(place)]
        return hidden

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MaskDecoder, "_blocked", blocked)
        return Segmented(segmenter(images), ties)


def _step(
    model: OnlineDaq,
    segmented: tuple[SegmenterOutput, list[tuple[int, int]]],
    state: TrackerState,
    turned: tuple[Place, ...],
) -> Step:
    pooling, said = _Pooling(turned), []
    handle = model.tracker.class_embed.register_forward_hook(lambda *call: said.append(call[2][0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("maskstream_model.daq.tracker.pool", pooling)
        (output,), (after,) = model.track(segmented[0], [state], segmented[1])
    handle.remove()
    return Step(output, after, said[0], pooling.ties)
