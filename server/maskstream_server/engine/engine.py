"""The engine: one thread, one device, a bounded queue; frames of many sessions share a step."""

import asyncio
import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from maskstream_model.interface import Frame, OnlineSegmenter
from maskstream_server.engine.batching import Waiting
from maskstream_server.engine.clip import ClipStepper
from maskstream_server.engine.queue import RequestQueue, Ticket, Work
from maskstream_server.engine.step import Stepper, failed
from maskstream_server.engine.threads import settle_threads
from maskstream_server.engine.types import (
    EngineLimits,
    EngineObserver,
    EngineRequest,
    EngineResult,
    EngineStoppedError,
    StepFailedError,
)

State = TypeVar("State")
T = TypeVar("T")
log = logging.getLogger(__name__)


class Engine(Generic[State]):
    """Runs a model on its own thread; coroutines of one event loop await its results.

    Args:
        model: the only one that steps it.
        limits: batches, queue, threads, warm-up.
        observer: told of batches and failures, on the engine's thread.
        clock: seconds that only grow.

    Attributes:
        clips: steps frames of whole videos; for work on the engine's thread.
    """

    def __init__(
        self,
        model: OnlineSegmenter[State],
        limits: EngineLimits | None = None,
        observer: EngineObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.model = model
        self.limits = limits or EngineLimits()
        self._observer = observer
        self._clock = clock
        self._stepper = Stepper(model, clock)
        self._queue: RequestQueue[State] = RequestQueue(self.limits, clock)
        self.clips = ClipStepper(
            model, self._stepper, clock, lambda: self._queue.lately_live, self.give_way
        )
        self._accepting = False
        self._ended = False
        self._busy_since_s: float | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Start the thread and warm up; returns when ready, raises what the warm-up raised."""
        self._loop = asyncio.get_running_loop()
        warm: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(warm,), name="engine", daemon=True)
        self._thread.start()
        await warm

    async def submit(self, request: EngineRequest[State]) -> EngineResult[State]:
        """Step one frame; cancelling the caller only drops the result.

        Raises:
            EngineFullError: the queue is at its bound.
            EngineStoppedError: not started, stopping or stopped.
            StepFailedError: the model failed on this frame.
        """
        height, width = request.frame.shape[:2]
        shape = (self.model.padded_size(height, width), request.max_tracks)
        waiting = Waiting(request.session, shape, self._clock())
        result: EngineResult[State] = await self._wait(request, waiting)
        return result

    async def submit_clip(
        self, request: EngineRequest[State], frames: Sequence[Frame]
    ) -> list[EngineResult[State]]:
        """Step frames of a whole video that follow one another; they give way to live ones.

        Args:
            request: for the first of them, and what is wanted of all; the last has the snapshot.
            frames: `clip_frames` of them, or fewer, of one size.

        Raises:
            EngineFullError: the queue is at its bound.
            EngineStoppedError: not started, stopping or stopped.
            StepFailedError: the model failed on one of them.
        """
        step = partial(self.clips.step, request, frames, self._clock())
        return await self.perform(request.session, step)

    def clip_frames(self, height: int, width: int) -> int:
        """Return how many frames of a whole video to hand in at a time."""
        return self.limits.clip(math.prod(self.model.padded_size(height, width)))

    async def perform(self, session: str, work: Callable[[], T]) -> T:
        """Do something else on the engine's thread, as for a frame that nobody watches.

        What takes longer than a part of a frame's step should `give_way` now and then.

        Raises:
            EngineFullError: the queue is at its bound.
            EngineStoppedError: not started, stopping or stopped.
            StepFailedError: `work` raised; that is chained.
        """
        alone = object()
        result: T = await self._wait(work, Waiting(session, alone, self._clock(), live=False))
        return result

    async def _wait(self, request: EngineRequest[State] | Work, waiting: Waiting) -> Any:
        if not self._accepting or self._loop is None:
            raise EngineStoppedError("the engine takes no frames now")
        ticket = Ticket(request, waiting, self._loop.create_future())
        self._queue.put(ticket)
        return await ticket.future

    @property
    def ready(self) -> bool:
        """Whether frames are taken."""
        return self._accepting

    @property
    def num_waiting(self) -> int:
        """Frames in the queue."""
        return len(self._queue)

    def stalled_for_s(self) -> float:
        """Seconds since the step under way began, or last gave way; 0 when idle."""
        since_s = self._busy_since_s
        return 0.0 if since_s is None else max(0.0, self._clock() - since_s)

    async def stop(self, timeout_s: float | None = None) -> bool:
        """Take no more frames, finish those that wait, end the thread.

        Returns:
            False where the time ran out: what waits gets `EngineStoppedError`, and the thread,
            which is still in a step, ends after it.
        """
        self._accepting, self._ended = False, True
        self._queue.close()
        if self._thread is None:
            return True
        await asyncio.to_thread(self._thread.join, timeout_s)
        for ticket in self._queue.drain():
            _settle(ticket.future, EngineStoppedError("the engine has stopped"))
        return not self._thread.is_alive()

    def _run(self, warm: "asyncio.Future[None]") -> None:
        """Be the engine's thread: warm up, then collect, step and deliver until stopped."""
        try:
            sys.setswitchinterval(self.limits.switch_s)
            settle_threads(self.limits.num_threads, self._stepper.probe_s)
            self._stepper.warm_up(self.limits)
        except Exception as error:
            self._on_loop(_settle, warm, error)
            return
        self._accepting = not self._ended
        self._on_loop(_settle, warm, None)
        # No batch is held here: the last frames of a quiet engine would stay in memory.
        while self._take_turn():
            pass

    def _take_turn(self) -> bool:
        """Step one batch; False when there will be none."""
        tickets = self._queue.take()
        if tickets:
            self._do(tickets)
        return bool(tickets)

    def give_way(self) -> None:
        """Let live frames that wait go first, in the middle of what nobody watches.

        For work on the engine's thread, as what `perform` was given. One batch goes, so that what
        gives way is done some time on the busiest server, too. Who calls this does not hang.
        """
        if self._busy_since_s is not None:
            self._busy_since_s = self._clock()
        tickets = self._queue.take_live()
        if tickets:
            self._do(tickets)

    def _do(self, tickets: Sequence[Ticket[State]]) -> None:
        before_s, self._busy_since_s = self._busy_since_s, self._clock()
        outcomes = self._outcomes(tickets)
        self._busy_since_s = before_s
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            self._on_loop(_settle, ticket.future, outcome)
        try:
            self._tell(outcomes)
        except Exception:
            log.exception("engine_observer_failed")

    def _outcomes(self, tickets: Sequence[Ticket[State]]) -> list[Any]:
        """Return results or errors; work comes alone."""
        requests = [each.request for each in tickets if isinstance(each.request, EngineRequest)]
        if requests:
            arrived_s = [each.waiting.since_s for each in tickets]
            return list(self._stepper.step(requests, arrived_s))
        (work,) = (each.request for each in tickets if not isinstance(each.request, EngineRequest))
        try:
            return [work()]
        except Exception as error:
            return [failed(error)]

    def _tell(self, outcomes: Sequence[Any]) -> None:
        if self._observer is None:
            return
        told = [
            item
            for outcome in outcomes
            for item in (outcome if isinstance(outcome, list) else [outcome])
        ]
        for outcome in told:
            if isinstance(outcome, StepFailedError):
                self._observer.step_failed(outcome)
        done = [outcome for outcome in told if isinstance(outcome, EngineResult)]
        if done:
            waiting_s = [result.waiting_s for result in done]
            self._observer.batch_done(done[0].batch_size, done[0].inference_s, waiting_s)

    def _on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Run on the event loop; where that is closed nobody waits any more."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(partial(call, *args))


def _settle(future: "asyncio.Future[Any]", outcome: Any) -> None:
    """Give a future its result or error, unless its caller has gone."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
