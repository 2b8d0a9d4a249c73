"""Traces by OpenTelemetry: the only place that imports it (extra `otel`); nothing is global."""

import random
import threading
import time
from collections.abc import Callable
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    format_trace_id,
    set_span_in_context,
)

from maskstream_server.telemetry.tracing import Facts, Trace, read_traceparent

EXPORT_TIMEOUT_S = 5.0
CLOSE_WITHIN_S = 3.0
TRACES_PATH = "/v1/traces"


class OtelTrace:
    """A span, and how the service's clock reads in Unix time."""

    def __init__(self, tracer: Tracer, span: Span, to_unix: Callable[[float], int]) -> None:
        self.span = span
        self._tracer = tracer
        self._to_unix = to_unix

    @property
    def trace_id(self) -> str:
        """See `Trace.trace_id`."""
        return format_trace_id(self.span.get_span_context().trace_id)

    def note(self, facts: Facts) -> None:
        """See `Trace.note`."""
        self.span.set_attributes(facts)

    def part(self, name: str, began_s: float, ended_s: float) -> None:
        """See `Trace.part`."""
        inside = set_span_in_context(self.span, Context())
        part = self._tracer.start_span(name, inside, start_time=self._to_unix(began_s))
        part.end(self._to_unix(ended_s))

    def end(self, error: str | None = None) -> None:
        """See `Trace.end`."""
        if error is not None:
            self.span.set_status(Status(StatusCode.ERROR, error))
        self.span.end()


class OtelTracing:
    """A `Tracing` that hands spans to an exporter, in batches, from a thread of its own.

    Args:
        exporter: where to.
        facts: what all spans say of this server.
        share: of the frames, 0 to 1.
        clock: the service's.
        draw: 0 to 1, anew for each frame.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        facts: Facts,
        share: float,
        clock: Callable[[], float],
        draw: Callable[[], float] = random.random,
    ) -> None:
        resource = Resource.create({"service.name": "maskstream", **facts})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("maskstream")
        self._exporter = exporter
        self._share = share
        self._clock = clock
        self._draw = draw

    def work(self, name: str, facts: Facts, parent: str | None = None) -> Trace:
        """See `Tracing.work`."""
        return self._begin(name, self._clock(), facts, parent=read_traceparent(parent))

    def frame(self, began_s: float, facts: Facts, connection: Trace) -> Trace | None:
        """See `Tracing.frame`."""
        if self._draw() >= self._share:
            return None
        return self._begin("frame", began_s, facts, linked=connection)

    def close(self) -> None:
        """See `Tracing.close`."""
        ending = threading.Thread(target=self._provider.shutdown, name="otel-end", daemon=True)
        ending.start()
        ending.join(CLOSE_WITHIN_S)
        if ending.is_alive():  # The receiver is away: it must not hold up the server's end.
            self._exporter.shutdown()

    def _begin(
        self,
        name: str,
        began_s: float,
        facts: Facts,
        parent: tuple[str, str] | None = None,
        linked: Trace | None = None,
    ) -> Trace:
        ahead_ns = time.time_ns() - round(1e9 * self._clock())

        def to_unix(seconds: float) -> int:
            return ahead_ns + round(1e9 * seconds)

        links = [Link(linked.span.get_span_context())] if isinstance(linked, OtelTrace) else []
        span = self._tracer.start_span(
            name, _context(parent), attributes=facts, links=links, start_time=to_unix(began_s)
        )
        return OtelTrace(self._tracer, span, to_unix)


def connect(endpoint: str, share: float, owner: str, clock: Callable[[], float]) -> OtelTracing:
    """Return tracing to an OTLP receiver over HTTP.

    Args:
        endpoint: `http://host:4318`, or with a path of its own.
        share: of the frames, 0 to 1.
        owner: name of this server.
        clock: the service's.
    """
    url = endpoint.rstrip("/")
    if url.count("/") < 3:
        url += TRACES_PATH
    exporter = OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_S)
    facts = {"service.instance.id": owner, "service.version": version("maskstream")}
    return OtelTracing(exporter, facts, share, clock)


def _context(parent: tuple[str, str] | None) -> Context:
    """Return an empty context, or one whose span is the parent's; never the surrounding one."""
    if parent is None:
        return Context()
    trace_id, span_id = (int(part, 16) for part in parent)
    sampled = TraceFlags(TraceFlags.SAMPLED)
    seen = SpanContext(trace_id, span_id, is_remote=True, trace_flags=sampled)
    return set_span_in_context(NonRecordingSpan(seen), Context())
