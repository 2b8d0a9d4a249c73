"""One step of the engine, without thread or queue: requests in, results or errors out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from maskstream_model.interface import Frame, FrameOutput, OnlineSegmenter, TrackStatus
from maskstream_protocol.masks import mask_size
from maskstream_server.crops import CropMaker
from maskstream_server.engine_types import (
    EngineLimits,
    EngineRequest,
    EngineResult,
    MaskCrops,
    StepFailed,
)
from maskstream_server.reporting import report

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
        self._crops = CropMaker()

    def step(
        self, requests: Sequence[EngineRequest[State]], arrived_s: Sequence[float]
    ) -> list[EngineResult[State] | StepFailed]:
        """Step a batch; where it fails, each frame alone, so that one spoils no other.

        Args:
            requests: of different sessions.
            arrived_s: when each came, on the clock.
        """
        started_s = self._clock()
        stepped = self._infer(requests)
        inference_s = self._clock() - started_s
        outcomes: list[EngineResult[State] | StepFailed] = []
        for request, since_s, pair in zip(requests, arrived_s, stepped, strict=True):
            times = BatchTimes(max(0.0, started_s - since_s), inference_s, len(requests))
            outcomes.append(self._finish(request, pair, times))
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

    def _warm_step(
        self, frames: Sequence[Frame], states: Sequence[State | None]
    ) -> list[State | None]:
        pairs = enumerate(zip(frames, states, strict=True))
        requests = [EngineRequest(f"warm-up {n}", frame, state) for n, (frame, state) in pairs]
        after: list[State | None] = []
        for outcome in self.step(requests, [self._clock()] * len(requests)):
            if isinstance(outcome, StepFailed):
                raise outcome
            after.append(outcome.state)
        return after

    def _infer(
        self, requests: Sequence[EngineRequest[State]]
    ) -> list[tuple[FrameOutput, State] | StepFailed]:
        try:
            return self._step_together(requests)
        except Exception as error:
            if len(requests) == 1:
                return [_failed(error)]
            return [self._infer([request])[0] for request in requests]

    def _step_together(
        self, requests: Sequence[EngineRequest[State]]
    ) -> list[tuple[FrameOutput, State] | StepFailed]:
        states = [
            self._model.initial_state() if request.state is None else request.state
            for request in requests
        ]
        frames = [request.frame for request in requests]
        outputs, after = self._model.step_batch(frames, states, requests[0].max_tracks)
        return list(zip(outputs, after, strict=True))

    def _finish(
        self,
        request: EngineRequest[State],
        stepped: tuple[FrameOutput, State] | StepFailed,
        times: BatchTimes,
    ) -> EngineResult[State] | StepFailed:
        """Make the result of one frame: rows to report, masks, the state as bytes."""
        if isinstance(stepped, StepFailed):
            return stepped
        began_s = self._clock()
        output, state = stepped
        try:
            track_ids, status = output.track_ids.cpu().numpy(), output.status.cpu().numpy()
            scores = output.scores.float().cpu().numpy()
            told = report(track_ids, status, scores, request.mentioned, request.min_score)
            return EngineResult(
                track_ids=track_ids[told.rows],
                labels=output.labels.cpu().numpy()[told.rows],
                scores=scores[told.rows],
                status=told.status,
                ages=output.ages.cpu().numpy()[told.rows],
                masks=self._masks(request, output, told.rows),
                mentioned=told.mentioned,
                state=state,
                snapshot=self._model.state_to_bytes(state) if request.snapshot else None,
                num_tracks=int(np.count_nonzero(status != TrackStatus.DISAPPEARED)),
                num_refused=output.num_refused,
                waiting_s=times.waiting_s,
                inference_s=times.inference_s,
                postprocess_s=self._clock() - began_s,
                batch_size=times.size,
            )
        except Exception as error:
            return _failed(error)

    def _masks(
        self,
        request: EngineRequest[State],
        output: FrameOutput,
        rows: npt.NDArray[np.int64],
    ) -> MaskCrops | None:
        if request.mask_scale is None:
            return None
        height, width = request.frame.shape[:2]
        size = mask_size((height, width), request.mask_scale)
        return self._crops.crop(output, rows, size, request.with_logits)


def _failed(error: Exception) -> StepFailed:
    failed = StepFailed(f"{type(error).__name__}: {error}")
    failed.__cause__ = error
    return failed
