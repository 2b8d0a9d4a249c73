"""The gate: a backend and eager on fixed clips, and how far their results may be apart.

Compilers are known to return engines that are silently wrong. What is compared is each output of
the network, as a whole and by query, and what a client sees: ids and masks.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from maskstream_model.aliases import Frame, Size
from maskstream_model.backends.clips import clips
from maskstream_model.backends.execution import Execution
from maskstream_model.backends.graph import CompiledNetwork, Graph, RunsNetwork
from maskstream_model.backends.interface import Engine
from maskstream_model.errors import CompileError
from maskstream_model.port import FrameResult, StepInput

NUM_FRAMES: Final = 4
"""Of the clip that one session steps frame by frame."""


@dataclass(frozen=True)
class Bounds:
    """How far a backend may be from eager.

    Attributes:
        whole: root mean square of an output's error, relative to that of the output.
        query: the same of one row of it (a query, or a channel of features).
        iou: least intersection over union of an object's mask with eager's.
        same_ids: whether the tracks have to be the same.
    """

    whole: float
    query: float
    iou: float
    same_ids: bool


BOUNDS: Final[Mapping[str, Bounds]] = {
    # Right float32 engines stay below 1e-4. One cell that changes sides in an attention mask moves
    # a query by some 1e-3; a wrong query is off by its own size.
    "float32": Bounds(2e-3, 2e-2, 0.99, True),
    # Named by the user, who is shown the numbers: only what is broken is refused.
    "bfloat16": Bounds(0.3, 1.0, 0.0, False),
}


@dataclass(frozen=True)
class Call:
    """One call of the eager network: its inputs and outputs."""

    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


@dataclass(frozen=True)
class Reference:
    """What eager computes on the clips of one frame size.

    Attributes:
        clips: one for each session of the largest batch.
        calls: of the network; the last ones have the larger batches.
        results: of the model, frame by frame.
    """

    clips: Sequence[Sequence[Frame]]
    calls: Sequence[Call]
    results: Sequence[FrameResult]

    @property
    def largest(self) -> Sequence[Tensor]:
        """Inputs of the call with the largest batch."""
        return max((call.inputs for call in self.calls), key=lambda inputs: len(inputs[0]))


@contextmanager
def full_precision() -> Iterator[None]:
    """Keep torch from rounding operands of products to TF32, as it does on GPUs by default."""
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def reference(graph: Graph, frame_size: Size, max_batch: int) -> Reference:
    """Let eager step the clips: one frame by frame, then batches of several sessions."""
    calls: list[Call] = []

    def record(network: torch.nn.Module, given: tuple[Any, ...], output: Any) -> None:
        inputs = [each.clone() for each in given if isinstance(each, Tensor)]
        calls.append(Call(inputs, [getattr(output, name) for name in graph.names]))

    sessions = clips(frame_size, NUM_FRAMES, max_batch)
    handle = graph.network.register_forward_hook(record)
    try:
        with full_precision():
            return Reference(sessions, calls, _stepped(graph.model, sessions))
    finally:
        handle.remove()


def agreement(
    graph: Graph, engine: Engine, expected: Reference, execution: Execution
) -> Mapping[str, float | bool]:
    """Compare an engine with eager.

    Returns:
        `same_ids`, `objects` (how many masks were compared), `min_iou`, and for each output of the
        network its relative error, as a whole and of its worst query.

    Raises:
        CompileError: outputs are missing or of another shape.
    """
    height, width = expected.largest[0].shape[-2:]
    network = CompiledNetwork(graph, {(height, width): engine}, len(expected.largest[0]))
    candidate = copy.copy(graph.model)
    candidate.use(network, execution)
    with torch.no_grad(), full_precision():
        # All before the first comparison: an engine may overwrite what it has returned.
        outputs = [engine(*call.inputs) for call in expected.calls]
        errors = _errors(graph.names, outputs, expected.calls)
        results = _stepped(candidate, expected.clips)
    return {**_compare_results(results, expected.results), **errors}


def refusal(found: Mapping[str, float | bool], bounds: Bounds) -> str | None:
    """Return what is beyond its bound, as half a sentence with numbers; None: nothing."""
    wrong = [
        f"{name} by {value:.1e} of its size (bound {bound:g})"
        for name, value in found.items()
        if name.endswith(("_whole", "_query"))
        for bound in [bounds.whole if name.endswith("_whole") else bounds.query]
        # Not `value > bound`: that is also false for NaN.
        if not value <= bound
    ]
    if bounds.same_ids and not found["same_ids"]:
        wrong.append("ids of tracks")
    if not found["min_iou"] >= bounds.iou:
        wrong.append(f"masks with an IoU of {found['min_iou']:.3f} (bound {bounds.iou})")
    return ", ".join(wrong) or None


def worst(all_found: Sequence[Mapping[str, float | bool]]) -> dict[str, float | bool]:
    """Return the worst of each number over several frame sizes."""
    found: dict[str, float | bool] = {}
    for name in all_found[0]:
        values = [each[name] for each in all_found]
        if name == "objects":
            found[name] = sum(values)
        else:
            found[name] = min(values) if name in ("same_ids", "min_iou") else max(values)
    return found


def _stepped(model: RunsNetwork, sessions: Sequence[Sequence[Frame]]) -> list[FrameResult]:
    """Step the first clip frame by frame, then the first frames of several sessions together."""
    results, state = list[FrameResult](), model.begin()
    for frame in sessions[0]:
        (output,) = model.step([StepInput([frame], state)])
        results, state = [*results, *output.results], output.state
    # One less than the largest: a batch that is padded where sizes of batches are fixed.
    for count in sorted({len(sessions) - 1, len(sessions)} - {0, 1}):
        steps = [StepInput([clip[0]], model.begin()) for clip in sessions[:count]]
        results += [result for output in model.step(steps) for result in output.results]
    return results


def _errors(
    names: Sequence[str], outputs: Sequence[Sequence[Tensor]], calls: Sequence[Call]
) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for given, call in zip(outputs, calls, strict=True):
        if len(given) != len(names):
            raise CompileError(f"the engine returns {len(given)} tensors instead of {len(names)}")
        for name, computed, eager in zip(names, given, call.outputs, strict=True):
            if computed.shape != eager.shape:
                raise CompileError(f"{name} of the engine is {tuple(computed.shape)}")
            for part, error in zip(
                ("whole", "query"), relative_errors(computed, eager), strict=True
            ):
                found.setdefault(f"{name}_{part}", []).append(error)
    # torch's maximum of numbers among which is NaN is NaN.
    return {name: float(torch.tensor(each).max()) for name, each in found.items()}


def relative_errors(computed: Tensor, eager: Tensor) -> tuple[float, float]:
    """Return the error of an output `(B, Q, ...)`, and of its worst query `(b, q)`."""
    difference = (computed.float() - eager.float()).flatten(2).square().mean(2)  # (B, Q)
    size = eager.float().flatten(2).square().mean(2)
    whole = (difference.mean() / size.mean()).sqrt()
    # A query whose own values are next to nothing is measured against the others.
    query = (difference / size.maximum(size.mean())).amax().sqrt()
    return float(whole), float(query)


def _compare_results(
    ours: Sequence[FrameResult], expected: Sequence[FrameResult]
) -> dict[str, float | bool]:
    same_ids, ious = len(ours) == len(expected), [1.0]
    for result, eager in zip(ours, expected, strict=False):
        ids, eager_ids = result.tracks.track_ids, eager.tracks.track_ids
        same_ids = same_ids and sorted(ids) == sorted(eager_ids)
        shared = np.intersect1d(ids, eager_ids)
        masks = [
            each.masks.crops(_rows(each, shared), each.size).whole() for each in (result, eager)
        ]
        ious += [_iou(*pair) for pair in zip(*masks, strict=True)]
    return {"same_ids": same_ids, "objects": len(ious) - 1, "min_iou": min(ious)}


def _rows(result: FrameResult, ids: Any) -> Any:
    """Return the rows of tracks, in the order of `ids`."""
    places = {int(track_id): row for row, track_id in enumerate(result.tracks.track_ids)}
    return np.array([places[int(each)] for each in ids], np.int64)


def _iou(one: Any, other: Any) -> float:
    union = int((one | other).sum())
    return float((one & other).sum() / union) if union else 1.0
