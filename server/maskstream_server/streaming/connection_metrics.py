"""What one connection's frames go through, as seen from outside: counted, timed and traced."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from structlog.contextvars import bind_contextvars, bound_contextvars

from maskstream_protocol.notices import Drop, ErrorMessage, ServerMessage
from maskstream_server.engine.types import StepTimes
from maskstream_server.session.actions import Decode, SendResult
from maskstream_server.session.reporting import StepReport
from maskstream_server.streaming.ports import StreamPorts
from maskstream_server.telemetry.metrics import Stage, late_by
from maskstream_server.telemetry.tracing import Attributes, Span, end, trace_id


@dataclass(frozen=True)
class Departing:
    """A result that waits for its client to read; times are those of the service's clock."""

    message: bytes
    sequence: int
    arrived_s: float
    ready_s: float


class ConnectionMetrics:
    """Looks at one connection, within `with`; every call returns at once, and none raises.

    Log lines of tasks that begin inside carry the connection's trace id, and its session's name.

    Args:
        service: whose metrics and traces.
        traceparent: the header with which the client, or its proxy, names its own trace.
    """

    def __init__(self, service: StreamPorts, traceparent: str | None = None) -> None:
        self._metrics = service.metrics
        self._tracing = service.tracing
        self._late_s = service.settings.late_s
        self.clock = service.clock
        self._connection = service.tracing.work("connection", {}, traceparent)
        self._session = ""
        self._frames: dict[int, Span] = {}
        self._num_behind = 0

    def __enter__(self) -> Self:
        bind_contextvars(trace_id=trace_id(self._connection))
        return self

    def __exit__(self, *raised: object) -> None:
        for span in self._frames.values():
            end(span, "abandoned")
        self._frames.clear()
        end(self._connection)

    def joined(self, session: str) -> None:
        """See which session the connection is for."""
        self._session = session
        bind_contextvars(session=session)
        self._connection.set_attribute("session", session)

    # Frames.

    def received(self, num_bytes: int) -> None:
        """Record the arrival of a frame, before it is checked."""
        self._metrics.received.inc()
        self._metrics.received_bytes.inc(num_bytes)

    def primed(self) -> None:
        """Count a unit that is decoded for those that follow it."""
        self._metrics.primed.inc()

    def begun(self, work: Decode) -> None:
        """See the first work on a frame begin."""
        attributes: Attributes = {"session": self._session, "sequence": work.frame.sequence}
        span = self._tracing.frame(work.arrived_s, attributes, self._connection)
        if span is not None:
            self._frames[work.frame.sequence] = span

    @contextmanager
    def within(self, sequence: int | None) -> Iterator[None]:
        """Let log lines inside carry the frame's own trace id, where it has one."""
        span = None if sequence is None else self._frames.get(sequence)
        if span is None:
            yield
            return
        with bound_contextvars(trace_id=trace_id(span)):
            yield

    def part(self, sequence: int, stage: Stage, began_s: float) -> float:
        """See a part of a frame's way end now; returns its seconds."""
        ended_s = self.clock()
        self._metrics.stage(stage, ended_s - began_s)
        if span := self._frames.get(sequence):
            self._tracing.part(span, stage, began_s, ended_s)
        return ended_s - began_s

    def stepped(
        self, sequence: int | None, report: StepReport, times: StepTimes, began_s: float
    ) -> None:
        """See a frame come back from the engine, which itself counts waiting and inference."""
        self._metrics.stage("postprocess", times.read_s)
        for frame in report.frames:
            self._metrics.refused_newcomers.inc(frame.num_refused if frame.final else 0)
        span = None if sequence is None else self._frames.get(sequence)
        if span is not None:
            num_tracks = report.frames[-1].num_tracks if report.frames else 0
            span.set_attributes({"batch_size": times.batch_size, "num_tracks": num_tracks})
            taken_s = began_s + times.waiting_s
            stepped_s = taken_s + times.inference_s
            self._tracing.part(span, "wait", began_s, taken_s)
            self._tracing.part(span, "inference", taken_s, stepped_s)
            self._tracing.part(span, "postprocess", stepped_s, stepped_s + times.read_s)

    def answered(self, answer: SendResult) -> Departing:
        """See a result that is ready to go."""
        return Departing(answer.message, answer.sequence, answer.arrived_s, self.clock())

    def left(self, result: Departing) -> None:
        """See a result that the client's connection has taken."""
        now_s = self.clock()
        self.part(result.sequence, "send", result.ready_s)
        self._metrics.sent_bytes.inc(len(result.message))
        self._metrics.frame_s.observe(now_s - result.arrived_s)
        cause = late_by(result.arrived_s, result.ready_s, now_s, self._late_s)
        if cause is not None:
            self._metrics.late.labels(cause).inc()
        self._metrics.results.inc()
        if span := self._frames.pop(result.sequence, None):
            end(span)

    # What else there is to see.

    def said(self, message: ServerMessage) -> None:
        """See a message that is no result."""
        if isinstance(message, ErrorMessage):
            self._metrics.errors.labels(message.code).inc()
        elif isinstance(message, Drop):
            self._metrics.drops.labels(message.reason).inc(message.last - message.first + 1)
            for sequence in range(message.first, message.last + 1):
                if span := self._frames.pop(sequence, None):
                    end(span, message.reason)

    def behind(self, num_commits: int) -> None:
        """See how many commits wait for the store."""
        self._metrics.commits_behind.inc(num_commits - self._num_behind)
        self._num_behind = num_commits
