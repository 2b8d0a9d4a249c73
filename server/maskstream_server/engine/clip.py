"""Frames of whole videos on the engine's thread: together, and one by one beside live sessions."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from maskstream_model.aliases import Frame, Pause
from maskstream_model.interface import OnlineSegmenter
from maskstream_server.engine.step import BatchTimes, Stepper
from maskstream_server.engine.types import EngineRequest, EngineResult, StepFailedError

State = TypeVar("State")


@dataclass(frozen=True)
class ClipStepper(Generic[State]):
    """Steps frames that follow one another; for one thread.

    Attributes:
        model: steps them.
        stepper: makes the results.
        clock: seconds that only grow.
        lately_live: says whether live frames come at this time.
        pause: called between the parts of a step; its time is not counted.
    """

    model: OnlineSegmenter[State]
    stepper: Stepper[State]
    clock: Callable[[], float]
    lately_live: Callable[[], bool]
    pause: Pause

    def pieces(self, frames: Sequence[Frame]) -> Iterator[Sequence[Frame]]:
        """Yield frames as they step together: all, or one by one while live frames come.

        A clip's parts take longer than those of a frame, and a video that goes faster keeps more
        of the machine busy beside the engine.
        """
        while frames:
            count = 1 if self.lately_live() else len(frames)
            yield frames[:count]
            frames = frames[count:]

    def step(
        self, request: EngineRequest[State], frames: Sequence[Frame], arrived_s: float
    ) -> list[EngineResult[State]]:
        """Step frames of one session and return the result of each.

        Args:
            request: for the first of them, and what is wanted of all; the last has the snapshot.
            frames: of one size.
            arrived_s: when they came, on the clock.

        Raises:
            StepFailedError: the model failed on one of them.
        """
        results: list[EngineResult[State]] = []
        for some in self.pieces(frames):
            ends = len(results) + len(some) == len(frames)
            wanted = replace(request, snapshot=request.snapshot and ends)
            results += self._step_together(wanted, some, arrived_s)
            last = results[-1]
            request = replace(request, state=last.state, mentioned=last.mentioned)
        return results

    def _step_together(
        self, request: EngineRequest[State], frames: Sequence[Frame], arrived_s: float
    ) -> list[EngineResult[State]]:
        timed, started_s = _TimedPause(self.pause, self.clock), self.clock()
        state = self.model.initial_state() if request.state is None else request.state
        outputs, states = self.model.step_clip(frames, state, request.max_tracks, timed)
        inference_s = self.clock() - started_s - timed.took_s
        times = BatchTimes(max(0.0, started_s - arrived_s), inference_s, len(frames))
        results: list[EngineResult[State]] = []
        for number, stepped in enumerate(zip(outputs, states, strict=True), 1):
            snapshot = request.snapshot and number == len(frames)
            wanted = replace(request, frame=frames[number - 1], snapshot=snapshot)
            result = self.stepper.finish(wanted, stepped, times)
            if isinstance(result, StepFailedError):
                raise result
            results.append(result)
            request = replace(request, mentioned=result.mentioned)
            self.pause()
        return results


class _TimedPause:
    """Calls a pause and adds up how long it took."""

    def __init__(self, pause: Pause, clock: Callable[[], float]) -> None:
        self._pause, self._clock = pause, clock
        self.took_s = 0.0

    def __call__(self) -> None:
        began_s = self._clock()
        self._pause()
        self.took_s += self._clock() - began_s
