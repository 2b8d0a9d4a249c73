"""Spans to an OTLP receiver: the only place that imports OpenTelemetry's SDK (extra `otel`)."""

import random
import threading
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from maskstream_server.telemetry.tracing import Attributes, Tracing

EXPORT_TIMEOUT_S = 5.0
CLOSE_WITHIN_S = 3.0
TRACES_PATH = "/v1/traces"


def export_to(
    exporter: SpanExporter,
    attributes: Attributes,
    share: float,
    clock: Callable[[], float],
    draw: Callable[[], float] = random.random,
) -> Tracing:
    """Return tracing that hands spans to an exporter, in batches, from a thread of its own.

    Args:
        exporter: where to.
        attributes: of this server, on all spans.
        share: of the frames that are traced, 0 to 1.
        clock: the service's.
        draw: 0 to 1, anew for each frame.
    """
    resource = Resource.create({"service.name": "maskstream", **attributes})
    # A client whose own span is not sampled still gets ours: the operator chose to trace.
    provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    close = partial(_close, provider, exporter)
    return Tracing(clock, provider.get_tracer("maskstream"), share, draw, close)


def _close(provider: TracerProvider, exporter: SpanExporter) -> None:
    ending = threading.Thread(target=provider.shutdown, name="otel-end", daemon=True)
    ending.start()
    ending.join(CLOSE_WITHIN_S)
    if ending.is_alive():  # The receiver is away: it must not hold up the server's end.
        exporter.shutdown()


def connect(endpoint: str, share: float, owner: str, clock: Callable[[], float]) -> Tracing:
    """Return tracing to an OTLP receiver over HTTP.

    Args:
        endpoint: `http://host:4318`, or with a path of its own.
        share: of the frames that are traced, 0 to 1.
        owner: name of this server.
        clock: the service's.
    """
    url = endpoint.rstrip("/")
    if url.count("/") < 3:
        url += TRACES_PATH
    exporter = OTLPSpanExporter(endpoint=url, timeout=EXPORT_TIMEOUT_S)
    attributes = {"service.instance.id": owner, "service.version": version("maskstream")}
    return export_to(exporter, attributes, share, clock)
