"""One step of the engine, without thread or queue: requests in, values or errors out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from maskstream_model.aliases import Frame, Pause
from maskstream_model.errors import MaskstreamModelError
from maskstream_model.port import Model, Prompt, SessionOptions, StepInput, StepOutput
from maskstream_server.engine.types import USUAL_SIZE, EngineLimits, Outcome, StepRequest, StepTimes
from maskstream_server.errors import StepFailedError

WARM_UP_STEPS = 3
"""The first frame, the first one with tracks, and one more: each takes another way."""
FAULTS = (Exception, SystemExit)
"""Errors of a model that are caught: an exit would end the engine's thread and all sessions."""


Inferred = tuple[StepOutput[Any] | StepFailedError, StepTimes]
"""What the model gave a request, not yet read, or why there is none; and its times so far."""


class Stepper:
    """Steps requests that may share a batch; for one thread, but for `read`.

    Args:
        clock: seconds that only grow.
        pause: called between the parts of a step of a whole video.
        lately_live: says whether live frames come at this time.
        before_noise: called before each frame of noise; what it raises ends a warm-up.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        pause: Pause = lambda: None,
        lately_live: Callable[[], bool] = lambda: False,
        before_noise: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._lately_live = lately_live
        self._before_noise = before_noise

    def step(
        self, requests: Sequence[StepRequest[Any, Any]], arrived_s: Sequence[float]
    ) -> list[Outcome]:
        """Step a batch and read its outputs; see `infer` and `read`."""
        inferred = self.infer(requests, arrived_s)
        return [self.read(*each) for each in zip(requests, inferred, strict=True)]

    def infer(
        self, requests: Sequence[StepRequest[Any, Any]], arrived_s: Sequence[float]
    ) -> list[Inferred]:
        """Step a batch; where it fails, each request alone, so that one spoils no other.

        Args:
            requests: live ones of one batch key, or a single one.
            arrived_s: when each came, on the clock.
        """
        started_s, pause = self._clock(), _TimedPause(self._pause, self._clock)
        outputs = self._outputs(requests, pause)
        inference_s = self._clock() - started_s - pause.took_s
        num_frames = sum(len(request.step.frames) for request in requests)
        waited_s = [max(0.0, started_s - since_s) for since_s in arrived_s]
        return [
            (output, StepTimes(waiting_s, inference_s, 0.0, num_frames))
            for output, waiting_s in zip(outputs, waited_s, strict=True)
        ]

    def _outputs(
        self, requests: Sequence[StepRequest[Any, Any]], pause: Pause
    ) -> Sequence[StepOutput[Any] | StepFailedError]:
        try:
            if len(requests) > 1:
                return _step(requests[0].model, [_begun(request) for request in requests])
            return [self._infer_alone(requests[0], pause)]
        except FAULTS as error:
            if len(requests) == 1:
                return [_failed(error)]
            return [self._outputs([request], pause)[0] for request in requests]

    def _infer_alone(self, request: StepRequest[Any, Any], pause: Pause) -> StepOutput[Any]:
        model, step = request.model, _begun(request)
        if not step.frames:
            return model.flush(step.state, step.options, None if request.live else pause)
        if request.live:
            return _step(model, [step])[0]
        output = StepOutput[Any]((), step.state)
        for frames in self._pieces(step.frames):
            piece = replace(step, frames=frames, state=output.state)
            (after,) = _step(model, [piece], pause)
            output = StepOutput((*output.results, *after.results), after.state)
            step = replace(step, skipped=0)
        return output

    def _pieces(self, frames: Sequence[Frame]) -> Iterator[Sequence[Frame]]:
        """Yield frames as they step together: all, or one by one while live frames come.

        A clip's parts take longer than those of a frame, and a video that goes faster keeps more
        of the machine busy beside the engine.
        """
        while frames:
            count = 1 if self._lately_live() else len(frames)
            yield frames[:count]
            frames = frames[count:]

    def read(self, request: StepRequest[Any, Any], inferred: Inferred) -> Outcome:
        """Make what the caller of a request gets; for live ones on any thread."""
        output, times = inferred
        if isinstance(output, StepFailedError):
            return output
        began_s = self._clock()
        pause = _TimedPause(_nothing if request.live else self._pause, self._clock)
        try:
            value = request.read(output, pause)
        except FAULTS as error:
            return _failed(error)
        return value, replace(times, read_s=self._clock() - began_s - pause.took_s)

    def warm_up(self, model: Model[Any], limits: EngineLimits) -> None:
        """Step noise of every configured size and batch, so that no client waits for it."""
        noise = np.random.default_rng(0)
        for height, width in limits.warm_up_sizes:
            for size in sorted({min(size, limits.batch) for size in limits.warm_up_batches}):
                states = [model.begin(any_prompt(model))] * size
                for _ in range(WARM_UP_STEPS):
                    frames = noise.integers(0, 256, (size, height, width, 3), np.uint8)
                    states = self._warm_step(model, list(frames), states)

    def whole_frame_s(self, model: Model[Any]) -> float:
        """Return the seconds of a frame of noise of the usual size with all that it needs.

        A late model may compute little before it has further frames: it is flushed.

        Raises:
            StepFailedError: the model raised.
        """
        options = any_prompt(model)
        frame = np.random.default_rng(0).integers(0, 256, (*USUAL_SIZE, 3), np.uint8)
        began_s = self._clock()
        (state,) = self._warm_step(model, [frame], [model.begin(options)])
        if model.info.lookahead:
            model.flush(state, options)
        return self._clock() - began_s

    def probe(self, model: Model[Any], num_frames: int) -> list[float]:
        """Step frames of noise of the usual size; return the seconds of each, all that is read too.

        Raises:
            StepFailedError: the model raised.
        """
        noise, seconds = np.random.default_rng(0), []
        states: Sequence[Any] = [model.begin(any_prompt(model))]
        for _ in range(num_frames):
            frame = noise.integers(0, 256, (*USUAL_SIZE, 3), np.uint8)
            began_s = self._clock()
            states = self._warm_step(model, [frame], states)
            seconds.append(self._clock() - began_s)
        return seconds

    def _warm_step(
        self, model: Model[Any], frames: Sequence[Frame], states: Sequence[Any]
    ) -> list[Any]:
        """Step frames of as many sessions and read all there is; return the states after them."""

        def read(output: StepOutput[Any], pause: Pause) -> Any:
            for result in output.results:
                result.masks.crops(np.arange(len(result.tracks.track_ids)), result.size)
            model.to_parts(output.state)
            return output.state

        self._before_noise()
        options = any_prompt(model)
        requests = [
            StepRequest(f"warm-up {n}", model, StepInput([frame], state, options), read)
            for n, (frame, state) in enumerate(zip(frames, states, strict=True))
        ]
        after: list[Any] = []
        for outcome in self.step(requests, [self._clock()] * len(requests)):
            if isinstance(outcome, StepFailedError):
                raise outcome
            after.append(outcome[0])
        return after


class _TimedPause:
    """Calls a pause and adds up how long it took."""

    def __init__(self, pause: Pause, clock: Callable[[], float]) -> None:
        self._pause, self._clock = pause, clock
        self.took_s = 0.0

    def __call__(self) -> None:
        began_s = self._clock()
        self._pause()
        self.took_s += self._clock() - began_s


def _nothing() -> None:
    """Do not pause."""


def any_prompt(model: Model[Any]) -> SessionOptions:
    """Return options with which any model steps noise."""
    needed = model.info.prompts == "required"
    return SessionOptions((Prompt("object", 0),) if needed else ())


def _begun(request: StepRequest[Any, Any]) -> StepInput[Any]:
    """Return the step of a request, with the first state where its session begins."""
    step = request.step
    return (
        step if step.state is not None else replace(step, state=request.model.begin(step.options))
    )


def called(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or its error: what a model refuses is for the caller."""
    try:
        return call()
    except MaskstreamModelError as error:
        return error
    except FAULTS as error:
        return _failed(error)


def _step(
    model: Model[Any], steps: Sequence[StepInput[Any]], pause: Pause | None = None
) -> list[StepOutput[Any]]:
    """Step the model; ValueError where it does not give one output for each session."""
    outputs = model.step(steps, pause)
    if len(outputs) != len(steps):
        raise ValueError(f"the model gave {len(outputs)} outputs for {len(steps)} sessions")
    return list(outputs)


def _failed(error: BaseException) -> StepFailedError:
    """Return the error of a step, with its cause."""
    step_failed = StepFailedError(f"{type(error).__name__}: {error}")
    step_failed.__cause__ = error
    return step_failed
