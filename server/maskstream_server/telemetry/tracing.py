"""Traces by OpenTelemetry's API, which records nothing where no SDK is connected (`otel.py`).

A connection and a job have a trace each, whose id is in their log lines; of frames only a share
has one. Times are seconds of the service's clock.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    Status,
    StatusCode,
    Tracer,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import (
    Span as Span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Attributes = Mapping[str, str | int | float]


class Tracing:
    """Begins spans; nothing is global, and no span depends on a surrounding one.

    Args:
        clock: the service's.
        tracer: where spans come from; the default keeps none, so that only their ids are there.
        share: of the frames that are traced, 0 to 1.
        draw: 0 to 1, anew for each frame.
        close: sends what is left; blocking, for a few seconds at most.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        tracer: Tracer | None = None,
        share: float = 0.0,
        draw: Callable[[], float] = random.random,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.close = close
        self._clock = clock
        self._tracer = tracer or NoOpTracer()
        self._share = share
        self._draw = draw

    def work(self, name: str, attributes: Attributes, traceparent: str | None = None) -> Span:
        """Begin the span of a connection or a job.

        Args:
            name: a constant.
            attributes: what distinguishes it from others of that name.
            traceparent: W3C header of the request; a malformed one counts as none.
        """
        carrier = {"traceparent": traceparent or ""}
        parent = TraceContextTextMapPropagator().extract(carrier, Context())
        span = self._tracer.start_span(name, parent, attributes=attributes)
        if span.get_span_context().is_valid:
            return span
        # Log lines need an id although the span is not recorded.
        ids = SpanContext(random.getrandbits(128) | 1, random.getrandbits(64) | 1, is_remote=False)
        return NonRecordingSpan(ids)

    def frame(self, began_s: float, attributes: Attributes, connection: Span) -> Span | None:
        """Begin the span of a frame that arrived at `began_s`; None for most."""
        if self._draw() >= self._share:
            return None
        return self._tracer.start_span(
            "frame",
            Context(),
            attributes=attributes,
            links=[Link(connection.get_span_context())],
            start_time=self._unix_ns(began_s),
        )

    def part(self, span: Span, name: str, began_s: float, ended_s: float) -> None:
        """Add a finished part of a span."""
        inside = set_span_in_context(span, Context())
        part = self._tracer.start_span(name, inside, start_time=self._unix_ns(began_s))
        part.end(self._unix_ns(ended_s))

    def _unix_ns(self, seconds: float) -> int:
        return time.time_ns() + round(1e9 * (seconds - self._clock()))


def trace_id(span: Span) -> str:
    """Return 32 hexadecimal digits, as log lines carry them."""
    return format_trace_id(span.get_span_context().trace_id)


def end(span: Span, error: str | None = None) -> None:
    """End a span now; `error` says in a word why its work did not succeed."""
    if error is not None:
        span.set_status(Status(StatusCode.ERROR, error))
    span.end()


@contextmanager
def traced(
    tracing: Tracing, name: str, attributes: Mapping[str, str], traceparent: str | None = None
) -> Iterator[Span]:
    """Trace a job, and add its ids to all log lines within; what it raises is its error.

    Arguments are those of `Tracing.work`; the attributes are in the log lines, too.
    """
    span = tracing.work(name, attributes, traceparent)
    with structlog.contextvars.bound_contextvars(trace_id=trace_id(span), **attributes):
        try:
            yield span
        except BaseException as error:
            end(span, type(error).__name__)
            raise
        end(span)
