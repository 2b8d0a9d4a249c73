"""Work on a video is one trace, whether it ends well or not."""

import time

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from maskstream_server.jobs.processing.worker import JobWorker
from maskstream_server.telemetry.otel import export_to
from support.engines import start
from support.fake_video import FakeDecoder
from support.workshop import FRAMES, open_workshop

__all__ = ["open_workshop", "start"]


async def test_work_on_a_video_is_a_trace_that_names_it_and_why_it_failed(open_workshop):
    kept = InMemorySpanExporter()
    tracing = export_to(kept, {}, 0.0, time.monotonic)

    def broken(index: int) -> None:
        raise OSError("disk on fire")

    for decoder in (None, FakeDecoder(FRAMES, on_frame=broken)):
        shop = await open_workshop(decoder=decoder)
        await JobWorker(shop.parts, tracing).work("a")
    tracing.close()
    good, bad = kept.get_finished_spans()
    assert good.attributes == {"video": "a", "attempt": 1, "first_frame": 0}
    assert bad.attributes["failed"] == "OSError"
