"""The engine: one thread, one device, a bounded queue; frames of many sessions share a step."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from maskstream_model.port import Model, StepInput
from maskstream_server.engine.batching import QueuedRequest
from maskstream_server.engine.observing import Observing
from maskstream_server.engine.queue import RequestQueue, Ticket
from maskstream_server.engine.reader import Reader
from maskstream_server.engine.step import Stepper, called
from maskstream_server.engine.threads import EngineThreads
from maskstream_server.engine.types import (
    CallRequest,
    EngineLimits,
    EngineObserver,
    Outcome,
    Read,
    StepRequest,
    StepTimes,
)
from maskstream_server.errors import EngineStoppedError, StepFailedError

State = TypeVar("State")
Value = TypeVar("Value")


class Engine(Generic[State]):
    """Steps models on its own thread; coroutines of one event loop await its results.

    Args:
        model: of live sessions; it is warmed up.
        limits: batches, queue, threads, warm-up.
        observer: counts batches and failures, on threads of the engine.
        clock: seconds that only grow.
        prepare: called on the engine's thread before the warm-up; takes minutes perhaps, and says
            what it does to the function that it is given.

    Attributes:
        doing: what the engine does before it is ready; None: nothing that takes long.
    """

    def __init__(
        self,
        model: Model[State],
        limits: EngineLimits | None = None,
        observer: EngineObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
        prepare: Callable[[Callable[[str], None]], None] = lambda report: None,
    ) -> None:
        self.model = model
        self.limits = limits or EngineLimits()
        self._observing = Observing(observer)
        self._clock = clock
        self._queue = RequestQueue(self.limits, clock)
        self._stepper = Stepper(
            clock, self._give_way, lambda: self._queue.lately_live, self._check_not_ended
        )
        self._threads = EngineThreads(
            self.limits.num_threads, lambda: self._stepper.whole_frame_s(model)
        )
        self._reader = Reader[Outcome](clock)
        self._prepare = prepare
        self.doing: str | None = None
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

    async def submit(
        self, session: str, step: StepInput[State], read: Read[State, Value]
    ) -> tuple[Value, StepTimes]:
        """Step one frame of a live session; cancelling the caller only drops the result.

        Args:
            session: its name.
            step: a frame and the state before it, None where the session begins; without a frame
                the model is flushed.
            read: makes the value to return, on a thread beside the engine's, which steps the next
                frames meanwhile.

        Raises:
            EngineFullError: the queue is at its bound.
            EngineStoppedError: not started, stopping or stopped.
            StepFailedError: the model or `read` failed on this frame.
        """
        outcome: tuple[Value, StepTimes] = await self._submit(
            StepRequest(session, self.model, step, read)
        )
        return outcome

    async def submit_clip(
        self, session: str, model: Model[Any], step: StepInput[Any], read: Read[Any, Value]
    ) -> tuple[Value, StepTimes]:
        """Step frames of a whole video, on any model; they give way to live ones.

        Args:
            session: name of the video.
            model: what steps it.
            step: `clip_frames` of one size, or fewer; without a frame the model is flushed.
            read: see `submit`.

        Raises:
            EngineError: see `submit`.
        """
        outcome: tuple[Value, StepTimes] = await self._submit(
            StepRequest(session, model, step, read, live=False)
        )
        return outcome

    async def call(self, session: str, call: Callable[[], Value], *, live: bool = True) -> Value:
        """Let a model compute something beside its steps, between two of them.

        Args:
            session: its name, or that of the video.
            call: returns the value; runs on the engine's thread.
            live: false for whole videos, which give way to live sessions.

        Raises:
            EngineError: see `submit`.
            MaskstreamModelError: the model refuses.
        """
        value: Value = await self._submit(CallRequest(session, call, live))
        return value

    def clip_frames(self, model: Model[Any], height: int, width: int, most: int) -> int:
        """Return how many frames of a whole video to hand in at a time: 1 to `most`."""
        return model.clip_frames(height, width, max(1, min(self.limits.batch, most)))

    async def _submit(self, request: StepRequest[Any, Any] | CallRequest[Any]) -> Any:
        if not self._accepting or self._loop is None:
            raise EngineStoppedError("the engine takes no frames now")
        waiting = QueuedRequest(request.session, _batch_key(request), self._clock(), request.live)
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
        """Seconds since the step or reading under way began, or last gave way; 0 when idle."""
        begun_s = (self._busy_since_s, self._reader.busy_since_s)
        return max([0.0, *(self._clock() - since_s for since_s in begun_s if since_s is not None)])

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
            _resolve(ticket.future, EngineStoppedError("the engine has stopped"))
        return not self.has_thread

    @property
    def has_thread(self) -> bool:
        """Whether its thread runs; after `stop`, in a step that has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def _report(self, doing: str) -> None:
        self._check_not_ended()
        self.doing = doing

    def _check_not_ended(self) -> None:
        if self._ended:
            raise EngineStoppedError("the engine was stopped while it warmed up")

    def _run(self, warm: "asyncio.Future[None]") -> None:
        """Be the engine's thread: warm up, then collect, step and deliver until stopped."""
        try:
            sys.setswitchinterval(self.limits.switch_s)
            self._reader.start(self._threads.choose())
            self._prepare(self._report)
            self.doing = None
            self._stepper.warm_up(self.model, self.limits)
        except Exception as error:
            self._reader.finish()
            self._on_loop(_resolve, warm, error)
            return
        self._accepting = not self._ended
        self._on_loop(_resolve, warm, None)
        # No batch is held here: the last frames of a quiet engine would stay in memory.
        while self._take_turn():
            pass
        self._reader.finish()

    def _take_turn(self) -> bool:
        """Step one batch; False when there will be none."""
        self._threads.choose_again()
        tickets = self._queue.take()
        if tickets:
            self._do(tickets)
        return bool(tickets)

    def _give_way(self) -> None:
        """Step waiting live frames, in a pause of a step of a whole video.

        One batch goes, so that what gives way is done some time on the busiest server, too. Who
        calls this does not hang.
        """
        if self._busy_since_s is not None:
            self._busy_since_s = self._clock()
        tickets = self._queue.take_live()
        if tickets:
            self._do(tickets)

    def _do(self, tickets: Sequence[Ticket]) -> None:
        first, before_s = tickets[0], self._busy_since_s
        self._busy_since_s = self._clock()
        if isinstance(first.request, CallRequest):  # It shares no batch.
            value = called(first.request.call)
            self._busy_since_s = before_s
            self._on_loop(_resolve, first.future, value)
        else:
            self._step(tickets, before_s)

    def _step(self, tickets: Sequence[Ticket], before_s: float | None) -> None:
        """Step a batch and have it read; the thread was busy since `before_s`, and is again."""
        requests = [each.request for each in tickets if isinstance(each.request, StepRequest)]
        inferred = self._stepper.infer(requests, [each.waiting.since_s for each in tickets])
        reads = [
            partial(self._stepper.read, *each) for each in zip(requests, inferred, strict=True)
        ]
        delivers = [partial(self._deliver, ticket.future) for ticket in tickets]
        if requests[0].live:
            self._busy_since_s = before_s
            kind = tickets[0].waiting.shape, len(tickets)
            self._threads.stepped(kind, inferred[0][1].inference_s)
            for read, deliver in zip(reads, delivers, strict=True):
                self._reader.put(read, deliver)
        else:  # A whole video shares no batch; its reading gives way to live frames on this thread.
            outcome = reads[0]()
            self._busy_since_s = before_s
            delivers[0](outcome)
        self._observing.batch_done(requests, inferred)

    def _deliver(self, future: "asyncio.Future[Any]", outcome: Outcome) -> None:
        self._on_loop(_resolve, future, outcome)
        if isinstance(outcome, StepFailedError):
            self._observing.step_failed(outcome)

    def _on_loop(self, call: Callable[..., None], *args: Any) -> None:
        """Run on the event loop, unless it is closed: then no caller waits."""
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(partial(call, *args))


def _batch_key(request: StepRequest[Any, Any] | CallRequest[Any]) -> Hashable:
    """Return what requests have in common that share a batch; some never do."""
    if isinstance(request, CallRequest) or not request.live or len(request.step.frames) != 1:
        return object()
    height, width = request.step.frames[0].shape[:2]
    return request.model.batch_key(height, width), request.step.options.max_tracks


def _resolve(future: "asyncio.Future[Any]", outcome: Any) -> None:
    """Give a future its result or error, unless its caller has gone."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
