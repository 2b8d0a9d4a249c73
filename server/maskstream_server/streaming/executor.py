"""Does what a session asks for: worker threads, engine, commits; reports back as events."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from typing import Any

import structlog

from maskstream_model.aliases import Frame
from maskstream_protocol.errors import BadMessageError, WireError
from maskstream_protocol.frames import FrameMessage
from maskstream_server.error_answers import wire_error
from maskstream_server.errors import StoreUnreachableError
from maskstream_server.events.found import FoundEvent
from maskstream_server.pictures.pool import Sender
from maskstream_server.session.actions import (
    Action,
    CheckPrompts,
    CommitMemory,
    Decode,
    Encode,
    Prime,
    StepModel,
)
from maskstream_server.session.pipeline import WorkTimes
from maskstream_server.session.reporting import StepReporter
from maskstream_server.session.session import Session
from maskstream_server.stores.committer import CommitEvents, Committer
from maskstream_server.stores.interface import (
    Commit,
    CommitOutcome,
    Delivery,
    KeptResult,
    Lease,
)
from maskstream_server.stores.tokens import hash_token
from maskstream_server.streaming.client_options import ClientOptions
from maskstream_server.streaming.connection_metrics import ConnectionMetrics
from maskstream_server.streaming.decode import decode_frame
from maskstream_server.streaming.encode import encode_and_observe
from maskstream_server.streaming.model_calls import check_prompts
from maskstream_server.streaming.opening import Opening
from maskstream_server.streaming.ports import StreamPorts

Event = Callable[[Session], list[Action]]
Report = Callable[[Event], None]

FORGET_WITHIN_S = 5.0


class ActionExecutor:
    """The hands of one connection's session; `report` takes events and returns at once."""

    def __init__(
        self,
        service: StreamPorts,
        opening: Opening,
        options: ClientOptions,
        report: Report,
        metrics: ConnectionMetrics,
    ) -> None:
        self._service = service
        self._connection_metrics = metrics
        self._lease = opening.lease
        self._opening, self._options = opening, options
        self._report = report
        self._work: set[asyncio.Task[None]] = set()
        self._is_away = False
        self._sender = Sender()
        self._packets = service.packet_decoder()
        self._log = structlog.get_logger(__name__).bind(session=opening.lease.session)
        events = CommitEvents(
            written=service.metrics.commit_bytes.observe,
            durable=self._durable,
            away=self._store_away,
            back=self._store_back,
            lost=self._lost,
            recreated=self._recreated,
            behind=metrics.behind,
        )
        self._committer = Committer(service.store, hash_token(opening.token), events)
        service.hold(self._lease)

    # Work on prompts and frames.

    def check_prompts(self, action: CheckPrompts) -> None:
        """Ask the model whether it takes prompts."""
        self._start(self._check_prompts(action), None, counts=False)

    async def _check_prompts(self, action: CheckPrompts) -> None:
        refused: WireError | None = None
        try:
            await check_prompts(self._service, self._lease.session, action.prompts)
        except BadMessageError as error:
            refused = error
        except Exception as error:  # Neither a yes nor a no: the client resumes and asks again.
            crash = wire_error(error)
            return self._report(lambda session: session.crashed(crash))
        self._report(lambda session: session.prompts_checked(refused))

    def decode(self, action: Decode) -> None:
        """Begin to decode a frame."""
        self._connection_metrics.begun(action)
        self._start(self._decode(action), action.frame.sequence)

    def step(self, action: StepModel) -> None:
        """Hand a picture to the engine, or have the model answer what is pending."""
        self._start(self._step(action), action.sequence)

    def encode(self, action: Encode) -> None:
        """Begin to encode a result in a worker thread."""
        self._start(self._encode(action), action.frame.sequence, action.report.final)

    async def prime(self, action: Prime) -> None:
        """Decode a unit for its decoder only; nothing else happens on the connection meanwhile."""
        self._connection_metrics.primed()
        try:
            await self._picture(action.frame)
        except Exception as error:
            refused = wire_error(error, action.frame.sequence)
            refused.sequence = action.frame.sequence
            self._report(lambda session: session.not_primed(refused))

    async def _picture(self, frame: FrameMessage) -> Frame:
        service = self._service
        return await decode_frame(
            frame, service.pictures, self._sender, self._packets, service.compute
        )

    async def _decode(self, action: Decode) -> None:
        frame = action.frame
        began_s = self._connection_metrics.clock()
        picture = await self._picture(frame)
        took_s = self._connection_metrics.part(frame.sequence, "decode", began_s)
        self._report(lambda session: session.decoded(frame.sequence, picture, took_s))

    async def _step(self, action: StepModel) -> None:
        service, began_s = self._service, self._connection_metrics.clock()
        read = StepReporter(
            service.model,
            self._options.wanted,
            action.mentioned,
            action.committed,
            num_frames=action.num_frames,
            answered=action.answered,
        )
        found, times = await service.engine.submit(self._lease.session, action.step, read)
        self._connection_metrics.stepped(action.sequence, found, times, began_s)
        work, now_s = WorkTimes(times.inference_s, times.read_s), service.clock()
        self._report(lambda session: session.stepped(action.sequence, found, work, now_s))

    async def _encode(self, action: Encode) -> None:
        began_s, final = self._connection_metrics.clock(), action.report.final
        compute, form = self._service.compute, self._options.form
        rules = self._opening.beginning.rules
        answer, seen = await compute(encode_and_observe, action, form, rules)
        self._connection_metrics.part(answer.sequence, "encode", began_s)
        self._report(lambda session: session.encoded(answer.sequence, answer, final, seen))

    def _start(
        self, work: Coroutine[Any, Any, None], sequence: int | None, counts: bool = True
    ) -> None:
        task = asyncio.create_task(self._guarded(work, sequence, counts))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _guarded(
        self, work: Coroutine[Any, Any, None], sequence: int | None, counts: bool
    ) -> None:
        with self._connection_metrics.within(sequence):
            try:
                await work
            except Exception as error:  # Whatever it is, it costs this frame and nothing else.
                answer = wire_error(error, sequence)
                if counts:
                    self._report(lambda session: session.failed(sequence, answer))

    # The session's memory.

    def save(self, action: CommitMemory) -> None:
        """Offer a commit; the committer does it in its own time."""
        commit = Commit(
            lease=self._lease,
            base_sequence=0,
            epoch=action.epoch,
            sequence=action.sequence,
            parts=action.parts,
            results=tuple(KeptResult(sequence, message) for sequence, message in action.results),
            keep_after=action.keep_after,
            deliveries=tuple(self._deliveries(action.events)),
        )
        self._committer.offer(commit)

    def _deliveries(self, events: Iterable[FoundEvent]) -> Iterator[Delivery]:
        session = self._lease.session
        for found in events:
            webhook = self._opening.beginning.memory.webhook
            if webhook is not None:
                yield Delivery(found.sequence, "webhook", found.message(session, webhook))
            if "mqtt" in self._service.deliveries.channels:
                yield Delivery(found.sequence, "mqtt", found.message(session, None))

    def _durable(self, epoch: int, sequence: int) -> None:
        if self._opening.beginning.rules:
            self._service.deliveries.wake(self._lease.session)
        self._report(lambda session: session.durable(epoch, sequence))

    def confirm_token(self) -> None:
        """Expire the previous resume token."""
        work = self._service.store.confirm_token(self._lease)
        self._service.background.start(self._unless_away("confirm_token", work))

    async def forget(self) -> None:
        """Delete the session's memory; where the store is away, its life ends there by itself."""
        await self._committer.close(FORGET_WITHIN_S)
        self._service.let_go(self._lease)
        await self._unless_away("delete", self._service.store.delete(self._lease))

    async def _unless_away(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        """Do what may be left undone; the committer reports a store that is away."""
        try:
            await work
        except StoreUnreachableError:
            self._log.info("store_command_left_out", command=what)

    # Ends.

    def abandon_work(self) -> None:
        """Stop what is under way for frames; commits continue."""
        for task in self._work:
            task.cancel()
        self._packets.close()

    async def finish(self) -> None:
        """After the socket: commit what is left, then let the session go; it can be resumed."""
        await self._committer.close(self._service.store.times.resume_ttl_s)
        self._store_back()
        self._connection_metrics.behind(0)
        self._service.let_go(self._lease)
        await self._unless_away("release", self._service.store.release(self._lease))

    # What the committer reports.

    def _store_away(self, error: StoreUnreachableError) -> None:
        self._is_away = True
        self._log.warning("store_away", reason=str(error))
        self._service.metrics.sessions_without_store.inc()
        self._report(lambda session: session.store_away())

    def _store_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._log.info("store_back")
            self._service.metrics.sessions_without_store.dec()
            self._report(lambda session: session.store_back())

    def _lost(self, outcome: CommitOutcome) -> None:
        self._log.info("session_taken_over", outcome=outcome.value)
        self._report(lambda session: session.taken_over())

    def _recreated(self, lease: Lease) -> None:
        self._log.warning("session_recreated_in_store")
        self._lease = lease
        self._service.hold(lease)
