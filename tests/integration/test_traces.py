"""Traces of a real server at a real receiver, and the log that belongs to them."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog

from maskstream_server.telemetry.log import set_up_logging
from support.otlp_receiver import facts, otlp_receiver
from support.raw_client import grey, raw_client
from support.server import POISON, running_server
from support.wire_client import WireClient

PARTS = {"decode", "wait", "inference", "postprocess", "encode", "send"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
HEADERS = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


async def test_every_part_of_a_sampled_frame_arrives_at_the_receiver():
    with otlp_receiver() as receiver:
        with running_server(otlp_endpoint=receiver.url, trace_share=1.0) as live:
            async with raw_client(live.ws_url, additional_headers=HEADERS) as client:
                welcome = await client.hello()
                for _ in range(3):
                    await client.answer(grey())
        frames = receiver.named("frame")
        assert [facts(frame)["sequence"] for frame in frames] == [1, 2, 3]
        assert {facts(frame)["session"] for frame in frames} == {welcome["session"]}
        (connection,) = receiver.named("connection")
        assert (connection.trace_id.hex(), facts(connection)["session"]) == (
            TRACE,
            welcome["session"],
        )
        for frame in frames:
            parts = [span for span in receiver.spans if span.parent_span_id == frame.span_id]
            assert {part.name for part in parts} == PARTS
            assert frame.links[0].span_id == connection.span_id
            for part in parts:
                assert frame.start_time_unix_nano <= part.start_time_unix_nano
                assert part.end_time_unix_nano <= frame.end_time_unix_nano
        assert set(receiver.paths) == {"/v1/traces"}
        assert receiver.resource["service.instance.id"] == live.service.owner


async def test_frames_without_a_result_say_why():
    with otlp_receiver() as receiver:
        with running_server(otlp_endpoint=receiver.url, trace_share=1.0) as live:
            async with raw_client(live.ws_url) as client:
                await client.hello()
                await client.send(b"no picture")
                await client.send(grey(POISON))
                await client.flush()
        reasons = [frame.status.message for frame in receiver.named("frame")]
        assert reasons == ["undecodable", "internal"]


async def test_no_frame_is_traced_beyond_the_share():
    with otlp_receiver() as receiver:
        with running_server(otlp_endpoint=receiver.url, trace_share=0.0) as live:
            async with raw_client(live.ws_url) as client:
                await client.hello()
                await client.answer(grey())
        assert {span.name for span in receiver.spans} == {"connection"}


def test_a_receiver_that_is_not_there_costs_no_result():
    with running_server(otlp_endpoint="http://127.0.0.1:9", trace_share=1.0) as live:
        with WireClient(live.ws_url) as client:
            for _ in range(10):
                client.step()
        live.stop()


@contextmanager
def json_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logging("json", "info")
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


async def test_log_lines_carry_session_and_trace_and_a_failed_frames_its_own(capsys):
    with otlp_receiver() as receiver:
        with running_server(otlp_endpoint=receiver.url, trace_share=1.0) as live, json_log():
            async with raw_client(live.ws_url, additional_headers=HEADERS) as client:
                session = (await client.hello())["session"]
                await client.send(grey(POISON))
                await client.flush()
            live.stop()
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        of = {line["event"]: line for line in lines}
        for event in ("session_opened", "unexpected_error", "connection_ended"):
            assert of[event]["session"] == session
        assert of["session_opened"]["trace_id"] == of["connection_ended"]["trace_id"] == TRACE
        (frame,) = receiver.named("frame")
        assert of["unexpected_error"]["trace_id"] == frame.trace_id.hex()


@pytest.mark.parametrize("num_frames", [1, 25])
def test_the_number_of_log_lines_does_not_grow_with_the_number_of_frames(num_frames, capsys):
    with running_server() as live, json_log():
        with WireClient(live.ws_url) as client:
            for _ in range(num_frames):
                client.step()
        live.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["session_opened", "connection_ended"]
    assert {line["session"] for line in lines} == {client.welcome["session"]}
    assert len({line["trace_id"] for line in lines}) == 1
