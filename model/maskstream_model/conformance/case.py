"""What a family is tested with, and how two runs of it are compared."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from typing import Any

import numpy as np
import numpy.typing as npt

from maskstream_model.aliases import Frame
from maskstream_model.frame_by_frame import NO_OPTIONS
from maskstream_model.port import FrameResult, Model, SessionOptions, StepInput, StepOutput


@dataclass(frozen=True)
class Case:
    """A model and what it is tested with.

    Attributes:
        load: returns the model; every call returns an equal one.
        frames: at least 12 of one size, on which tracks come and go.
        options: of a session; must have prompts where the model needs them.
        tolerance: how far scores may differ where frames share a step; 0 for bit by bit. Alone and
            one by one they never differ.
        mask_tolerance: which share of the pixels of a mask may differ there.
        max_bytes: most that the parts of a session ever hold.
        frame_bytes: most that changes in them with one frame.
        max_tracks: limit of tracks of the long run that holds the model to these.
        num_long: frames of that run.
    """

    load: Callable[[], Model[Any]]
    frames: Sequence[Frame]
    options: SessionOptions = NO_OPTIONS
    tolerance: float = 0.0
    mask_tolerance: float = 0.0
    max_bytes: int = 1 << 20
    frame_bytes: int = 64 << 10
    max_tracks: int = 20
    num_long: int = 1000

    @cached_property
    def model(self) -> Model[Any]:
        """The model that most laws share."""
        return self.load()

    @cached_property
    def steps(self) -> list[StepOutput[Any]]:
        """The outputs of a session that takes the frames one by one."""
        outputs, state = list[StepOutput[Any]](), self.model.begin(self.options)
        for frame in self.frames:
            (output,) = self.model.step([StepInput([frame], state, self.options)])
            outputs.append(output)
            state = output.state
        return outputs

    @cached_property
    def results(self) -> list[FrameResult]:
        """All results of that session, with those of its flush."""
        rest = self.model.flush(self.steps[-1].state, self.options)
        return [result for output in (*self.steps, rest) for result in output.results]

    @cached_property
    def expected(self) -> "list[Seen]":
        """Its final results as plain values."""
        return seen(self.model, self.results)


@dataclass(frozen=True)
class Seen:
    """A final result as plain values, tracks in the order of their ids.

    Attributes:
        index: of the frame.
        facts: (id, label, status, age) of each track.
        scores: of each track.
        masks: `(n, height, width)` bool.
    """

    index: int
    facts: tuple[tuple[int, int, int, int], ...]
    scores: npt.NDArray[np.float32]
    masks: npt.NDArray[np.bool_]


def require(holds: object, sentence: str) -> None:
    """Raise AssertionError with a sentence unless something holds; `python -O` keeps it."""
    if not holds:
        raise AssertionError(sentence)


def run(
    model: Model[Any],
    frames: Sequence[Frame],
    options: SessionOptions,
    sizes: Iterable[int] = (1,),
    state: Any = None,
) -> tuple[list[FrameResult], Any]:
    """Step all frames and flush; return all results, and the state after the last step.

    Args:
        model: what is run.
        frames: all of a session, or those that follow `state`.
        options: of the session.
        sizes: of the steps, over and over.
        state: None for a new session.
    """
    state, start = model.begin(options) if state is None else state, 0
    results = list[FrameResult]()
    for size in cycle(sizes):
        if start >= len(frames):
            break
        (output,) = model.step([StepInput(frames[start : start + size], state, options)])
        results += output.results
        state, start = output.state, start + size
    return [*results, *model.flush(state, options).results], state


def seen(model: Model[Any], results: Iterable[FrameResult]) -> list[Seen]:
    """Return the final results as plain values."""
    return [_plain(result) for result in results if result.final]


def _plain(result: FrameResult) -> Seen:
    table = result.tracks
    rows = np.argsort(table.track_ids)
    columns = (table.track_ids, table.labels, table.status, table.ages)
    facts = tuple(zip(*(column[rows].tolist() for column in columns), strict=True))
    return Seen(result.index, facts, table.scores[rows], full_masks(result, rows))


def full_masks(result: FrameResult, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Return the masks of rows as pictures `(n, height, width)` bool of the frame's size."""
    crops = result.masks.crops(rows, result.size)
    masks = np.zeros((len(rows), *result.size), np.bool_)
    for mask, (x0, y0, x1, y1), bitmap in zip(masks, crops.boxes, crops.bitmaps, strict=True):
        mask[y0:y1, x0:x1] = bitmap
    return masks


def compare(
    ours: Sequence[Seen], expected: Sequence[Seen], what: str, case: Case | None = None
) -> None:
    """Raise AssertionError where two lists of final results differ.

    Args:
        ours: results.
        expected: what they should be.
        what: names where ours come from.
        case: whose tolerances are allowed; None: not a bit may differ.
    """
    scores, pixels = (case.tolerance, case.mask_tolerance) if case else (0.0, 0.0)
    indices = [each.index for each in ours]
    wanted = [each.index for each in expected]
    require(indices == wanted, f"{what}: finals of frames {indices}, not of {wanted}")
    for one, other in zip(ours, expected, strict=True):
        where = f"{what}: frame {one.index}"
        require(one.facts == other.facts, f"{where}: {one.facts}, not {other.facts}")
        gap = np.abs(one.scores - other.scores).max(initial=0)
        require(gap <= scores, f"{where}: scores differ by {gap}")
        share = (one.masks != other.masks).mean((1, 2)).max(initial=0)
        require(share <= pixels, f"{where}: masks differ in {share:.2%} of the pixels")
