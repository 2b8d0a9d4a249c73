"""Traces: what costs nothing, what log lines carry, and what OpenTelemetry is handed."""

import sys
import time

import pytest
import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, format_trace_id

from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.assembly import open_tracing
from maskstream_server.telemetry import otel as otel_module
from maskstream_server.telemetry.otel import export_to
from maskstream_server.telemetry.tracing import Tracing, end, trace_id, traced

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


class Kept(InMemorySpanExporter):
    """Remembers spans by name, whether or not the tracing has been closed."""

    def __getitem__(self, name: str) -> ReadableSpan:
        (found,) = (span for span in self.get_finished_spans() if span.name == name)
        return found


def otel(share: float = 1.0) -> tuple[Tracing, Kept]:
    kept = Kept()
    return export_to(kept, {"service.version": "7"}, share, time.monotonic, lambda: 0.5), kept


def context_vars() -> dict[str, object]:
    return dict(structlog.contextvars.get_contextvars())


def test_without_a_place_for_traces_only_ids_are_made():
    tracing = Tracing()
    connection = tracing.work("connection", {})
    assert int(trace_id(connection), 16) > 0
    assert trace_id(tracing.work("connection", {})) != trace_id(connection)
    assert tracing.frame(0.0, {}, connection) is None


@pytest.mark.parametrize("tracing", [Tracing(), otel()[0]], ids=["unrecorded", "recorded"])
@pytest.mark.parametrize("flags", ["01", "00"])
def test_a_traceparent_names_the_trace_sampled_or_not(tracing, flags):
    header = PARENT.removesuffix("01") + flags
    assert trace_id(tracing.work("connection", {}, header)) == TRACE


@pytest.mark.parametrize(
    "header",
    ["", "00-x-y-01", PARENT + "-x", f"00-{TRACE.upper()}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01"],
)
def test_a_malformed_traceparent_counts_as_none(header):
    named = trace_id(Tracing().work("connection", {}, header))
    assert named != TRACE
    assert int(named, 16) > 0


def test_a_place_for_traces_without_the_library_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "maskstream_server.telemetry.otel", None)
    with pytest.raises(StartError, match=r"MASKSTREAM_OTLP_ENDPOINT .*maskstream\[otel\]"):
        open_tracing(Settings(otlp_endpoint="http://127.0.0.1:4318"), "me")


def test_a_frame_is_a_trace_of_its_own_with_parts_linked_to_its_connection():
    tracing, kept = otel()
    now_s = time.monotonic()
    connection = tracing.work("connection", {"session": "a"}, PARENT)
    frame = tracing.frame(now_s - 2, {"sequence": 5}, connection)
    tracing.part(frame, "decode", now_s - 1.5, now_s - 1)
    end(frame)
    end(connection)
    tracing.close()
    root, part = kept["frame"], kept["decode"]
    assert root.attributes == {"sequence": 5}
    assert format_trace_id(root.context.trace_id) == trace_id(frame) != trace_id(connection)
    assert root.links[0].context.trace_id == kept["connection"].context.trace_id == int(TRACE, 16)
    assert kept["connection"].parent.span_id == int(SPAN, 16)
    assert (part.context.trace_id, part.parent.span_id) == (
        root.context.trace_id,
        root.context.span_id,
    )
    assert part.end_time - part.start_time == pytest.approx(0.5e9, abs=1e3)
    assert abs(root.start_time - (time.time_ns() - 2e9)) < 1e9
    assert root.resource.attributes["service.name"] == "maskstream"
    assert root.resource.attributes["service.version"] == "7"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("https://collector/", "https://collector/v1/traces"),
        ("https://collector/of/mine", "https://collector/of/mine"),
    ],
)
def test_an_endpoint_without_a_path_gets_that_of_the_protocol(monkeypatch, endpoint, url):
    asked = []
    monkeypatch.setattr(otel_module, "OTLPSpanExporter", lambda **options: asked.append(options))
    monkeypatch.setattr(otel_module, "export_to", lambda *options: None)
    otel_module.connect(endpoint, 0.5, "me", time.monotonic)
    assert asked[0]["endpoint"] == url


def test_frames_beyond_their_share_have_no_trace():
    connection = otel()[0].work("connection", {})
    assert otel(share=0.4)[0].frame(0.0, {}, connection) is None
    assert otel(share=0.6)[0].frame(0.0, {}, connection) is not None


def test_log_lines_of_a_job_carry_its_ids_and_its_error_is_recorded():
    tracing, kept = otel()
    with traced(tracing, "video", {"video": "v1"}) as span:
        assert context_vars() == {"trace_id": trace_id(span), "video": "v1"}
    assert context_vars() == {}
    with pytest.raises(ValueError, match="full"), traced(tracing, "upload", {}):
        raise ValueError("full")
    tracing.close()
    assert kept["video"].status.status_code is StatusCode.UNSET
    assert kept["upload"].status.description == "ValueError"


class Away(Kept):
    """A receiver that takes forever."""

    def __init__(self) -> None:
        super().__init__()
        self.given_up = False

    def export(self, spans) -> SpanExportResult:
        while not self.given_up:
            time.sleep(0.01)
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.given_up = True


def test_a_receiver_that_is_away_does_not_hold_up_the_end(monkeypatch):
    monkeypatch.setattr("maskstream_server.telemetry.otel.CLOSE_WITHIN_S", 0.1)
    away = Away()
    tracing = export_to(away, {}, 1.0, time.monotonic)
    end(tracing.work("connection", {}))
    tracing.close()
    assert away.given_up
