"""One step of the engine, without thread or queue: requests in, results or errors out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from maskstream_model.aliases import Frame
from maskstream_model.interface import FrameOutput, OnlineSegmenter, TrackStatus
from maskstream_server.engine.findings import finder_of
from maskstream_server.engine.types import (
    USUAL_SIZE,
    EngineLimits,
    EngineRequest,
    EngineResult,
    StepFailedError,
)

State = TypeVar("State")
WARM_UP_STEPS = 3
"""The first frame, the first one with tracks, and one more: each takes another way."""


@dataclass(frozen=True)
class BatchTimes:
    """When and how long: `waiting_s` of the frame, `inference_s` and `size` of its batch."""

    waiting_s: float
    inference_s: float
    size: int


class Stepper(Generic[State]):
    """Steps requests of equal padded size; for one thread."""

    def __init__(self, model: OnlineSegmenter[State], clock: Callable[[], float]) -> None:
        self._model = model
        self._clock = clock
        self._finder = finder_of(model.config)

    def step(
        self,
        requests: Sequence[EngineRequest[State]],
        arrived_s: Sequence[float],
    ) -> list[EngineResult[State] | StepFailedError]:
        """Step a batch; where it fails, each frame alone, so that one spoils no other.

        Args:
            requests: of different sessions.
            arrived_s: when each came, on the clock.
        """
        started_s = self._clock()
        stepped = self._infer(requests)
        inference_s = self._clock() - started_s
        outcomes: list[EngineResult[State] | StepFailedError] = []
        for request, since_s, pair in zip(requests, arrived_s, stepped, strict=True):
            times = BatchTimes(max(0.0, started_s - since_s), inference_s, len(requests))
            outcomes.append(self.finish(request, pair, times))
        return outcomes

    def warm_up(self, limits: EngineLimits) -> None:
        """Step noise of every configured size and batch, so that no client waits for it."""
        noise = np.random.default_rng(0)
        for height, width in limits.warm_up_sizes:
            for size in sorted({min(size, limits.batch) for size in limits.warm_up_batches}):
                states: list[State | None] = [None] * size
                for _ in range(WARM_UP_STEPS):
                    frames = noise.integers(0, 256, (size, height, width, 3), np.uint8)
                    states = self._warm_step(list(frames), states)

    def probe_s(self) -> float:
        """Step one frame of noise of the usual size; return the seconds that it took."""
        frame = np.random.default_rng(0).integers(0, 256, (*USUAL_SIZE, 3), np.uint8)
        began_s = self._clock()
        self._warm_step([frame], [None])
        return self._clock() - began_s

    def _warm_step(
        self, frames: Sequence[Frame], states: Sequence[State | None]
    ) -> list[State | None]:
        pairs = enumerate(zip(frames, states, strict=True))
        requests = [EngineRequest(f"warm-up {n}", frame, state) for n, (frame, state) in pairs]
        after: list[State | None] = []
        for outcome in self.step(requests, [self._clock()] * len(requests)):
            if isinstance(outcome, StepFailedError):
                raise outcome
            after.append(outcome.state)
        return after

    def _infer(
        self, requests: Sequence[EngineRequest[State]]
    ) -> list[tuple[FrameOutput, State] | StepFailedError]:
        try:
            return self._step_together(requests)
        except Exception as error:
            if len(requests) == 1:
                return [failed(error)]
            return [self._infer([request])[0] for request in requests]

    def _step_together(
        self, requests: Sequence[EngineRequest[State]]
    ) -> list[tuple[FrameOutput, State] | StepFailedError]:
        states = [
            self._model.initial_state() if request.state is None else request.state
            for request in requests
        ]
        frames = [request.frame for request in requests]
        outputs, after = self._model.step_batch(frames, states, requests[0].max_tracks)
        return list(zip(outputs, after, strict=True))

    def finish(
        self,
        request: EngineRequest[State],
        stepped: tuple[FrameOutput, State] | StepFailedError,
        times: BatchTimes,
    ) -> EngineResult[State] | StepFailedError:
        """Make the result of one frame: rows to report, masks, the state as bytes."""
        if isinstance(stepped, StepFailedError):
            return stepped
        began_s = self._clock()
        output, state = stepped
        try:
            found = self._finder.find(output, request)
            return EngineResult(
                track_ids=found.rows.track_ids,
                labels=found.rows.labels,
                scores=found.rows.scores,
                status=found.rows.status,
                ages=found.rows.ages,
                masks=found.masks,
                mentioned=found.mentioned,
                state=state,
                snapshot=self._model.state_to_bytes(state) if request.snapshot else None,
                num_tracks=int((output.status != int(TrackStatus.DISAPPEARED)).sum()),
                num_refused=output.num_refused,
                waiting_s=times.waiting_s,
                inference_s=times.inference_s,
                postprocess_s=self._clock() - began_s,
                batch_size=times.size,
            )
        except Exception as error:
            return failed(error)


def failed(error: Exception) -> StepFailedError:
    """Return the error of a step, with its cause."""
    step_failed = StepFailedError(f"{type(error).__name__}: {error}")
    step_failed.__cause__ = error
    return step_failed
