"""Times and sizes of requests, with a clock and a transport of the tests' own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from uvicorn.server import ServerState

from maskstream_server.config.settings import Settings
from maskstream_server.transport.config import TransportConfig
from maskstream_server.transport.requests import (
    CLOSE_S,
    MAX_HEADER_BYTES,
    MAX_PIPELINED,
    MIN_BODY_BYTES,
    UNREAD_S,
    RequestProtocol,
)

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
CHUNKED = b"PUT /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Handle:
    def __init__(self, at_s: float, call: Callable[[], None]) -> None:
        self.at_s, self.call, self.is_cancelled = at_s, call, False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """A loop whose time passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.handles: list[Handle] = []

    def call_later(self, after_s: float, call: Callable[..., None], *args: Any) -> Handle:
        self.handles.append(Handle(self.now_s + after_s, lambda: call(*args)))
        return self.handles[-1]

    def create_task(self, work: Any) -> "Loop":
        work.close()
        return self

    def add_done_callback(self, call: Callable[..., None]) -> None:
        pass

    def passes(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while due := [each for each in self.handles if each.at_s <= until_s]:
            handle = min(due, key=lambda each: each.at_s)
            self.handles.remove(handle)
            self.now_s = handle.at_s
            if not handle.is_cancelled:
                handle.call()
        self.now_s = until_s


class Transport:
    def __init__(self) -> None:
        self.sent = b""
        self.is_closed = self.is_aborted = self.is_paused = False
        self.num_unread = 0

    def write(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        return self.num_unread

    def get_extra_info(self, name: str) -> Any:
        return ("10.0.0.1", 1234) if name == "peername" else None


class Talk:
    """A client's connection: what it sends and what it gets."""

    def __init__(self, **settings: Any) -> None:
        values = {"request_header_s": 10.0, "request_stall_s": 30.0} | settings
        config = TransportConfig(lambda: None, Settings(**values), lifespan="off", log_config=None)
        config.load()
        self.loop, self.transport = Loop(), Transport()
        self.protocol = RequestProtocol(config, ServerState(), {}, self.loop)
        self.protocol.connection_made(self.transport)

    def sends(self, data: bytes) -> None:
        assert not self.transport.is_closed
        self.protocol.data_received(data)

    def answered(self) -> None:
        """The application answers the request."""
        self.protocol.cycle.response_started = self.protocol.cycle.response_complete = True
        self.protocol.on_response_complete()

    @property
    def status(self) -> int:
        return int(self.transport.sent.split()[1])

    @property
    def problem(self) -> dict[str, Any]:
        return json.loads(self.transport.sent.partition(b"\r\n\r\n")[2])


def test_headers_that_never_end_are_refused_in_time():
    talk = Talk()
    talk.sends(b"GET / HTTP/1.1\r\n")
    for number in range(9):
        talk.loop.passes(1.0)
        talk.sends(b"X-%d: 1\r\n" % number)
    assert talk.transport.sent == b""
    talk.loop.passes(1.1)
    assert (talk.status, talk.problem["code"]) == (408, "request_timeout")
    assert talk.problem["detail"].endswith("within 10 s.")
    assert talk.transport.is_closed
    talk.loop.passes(CLOSE_S)
    assert talk.transport.is_aborted


def test_a_connection_on_which_nothing_comes_is_closed_without_a_word():
    talk = Talk()
    talk.loop.passes(9.9)
    assert not talk.transport.is_closed
    talk.loop.passes(0.2)
    assert (talk.transport.is_closed, talk.transport.sent) == (True, b"")


def test_the_next_request_has_its_own_time_and_empty_lines_are_none():
    talk = Talk()
    for _ in range(5):
        talk.sends(GET)
        talk.loop.passes(60.0)  # the application takes its time
        assert not talk.transport.is_closed
        talk.answered()
        talk.loop.passes(4.0)
    for _ in range(9):
        talk.sends(b"\r\n")
        talk.loop.passes(1.0)
    talk.loop.passes(2.0)
    assert talk.transport.is_closed


@pytest.mark.parametrize("headers", [b"A: 1\r\n" * 20_000, b"A: " + b"x" * 100_000])
@pytest.mark.parametrize("piece_bytes", [1000, 1 << 20])
def test_headers_of_any_size_are_refused(headers: bytes, piece_bytes: int):
    talk, data = Talk(), b"GET / HTTP/1.1\r\n" + headers + b"\r\n\r\n"
    for at in range(0, len(data), piece_bytes):
        if not talk.transport.is_closed:
            talk.sends(data[at : at + piece_bytes])
    assert (talk.status, talk.problem["code"]) == (431, "request_header_fields_too_large")
    assert talk.transport.is_closed


def test_headers_below_the_limit_are_taken():
    talk = Talk()
    talk.sends(b"GET / HTTP/1.1\r\nA: " + b"x" * (MAX_HEADER_BYTES - 1000) + b"\r\n\r\n")
    assert talk.protocol.cycle is not None
    assert talk.transport.sent == b""


def test_headers_behind_a_body_have_the_same_limit():
    talk = Talk()
    talk.sends(CHUNKED + b"1\r\nx\r\n0\r\n" + b"A: 1234567\r\n" * 10_000)
    assert (talk.status, talk.transport.is_closed) == (431, True)


@pytest.mark.parametrize(("head", "drop"), [(PUT, b"x"), (CHUNKED, b"1\r\nx\r\n")])
def test_a_body_that_drips_is_refused(head: bytes, drop: bytes):
    talk = Talk()
    talk.sends(head)
    for _ in range(29):
        talk.loop.passes(1.0)
        talk.sends(drop)
    talk.loop.passes(1.1)
    assert (talk.status, talk.problem["code"]) == (408, "request_timeout")
    assert talk.transport.is_closed
    assert talk.protocol.cycle.disconnected


def test_an_upload_that_makes_progress_is_not_cut_however_long_it_takes():
    talk = Talk()
    talk.sends(PUT)
    for _ in range(200):
        talk.loop.passes(20.0)
        talk.sends(bytes(MIN_BODY_BYTES))
        talk.protocol.cycle.body.clear()
        talk.protocol.flow.resume_reading()
    assert talk.transport.sent == b""
    assert not talk.transport.is_closed


def test_an_upload_that_the_server_does_not_read_is_not_cut():
    talk = Talk()
    talk.sends(PUT + bytes(100_000))
    assert talk.transport.is_paused
    talk.loop.passes(1000.0)
    assert not talk.transport.is_closed


def test_a_body_that_nobody_waits_for_any_more_has_an_end():
    talk = Talk()
    talk.sends(PUT)
    talk.answered()
    for _ in range(29):
        talk.loop.passes(1.0)
        talk.sends(bytes(10_000))
    talk.loop.passes(1.1)
    assert talk.transport.is_closed


def test_a_response_of_which_nothing_is_read_is_given_up():
    talk = Talk()
    talk.sends(GET)
    talk.transport.num_unread = 100_000
    talk.protocol.pause_writing()
    talk.loop.passes(UNREAD_S - 1)
    talk.transport.num_unread = 90_000
    talk.loop.passes(UNREAD_S)
    assert not talk.transport.is_closed
    talk.loop.passes(UNREAD_S)
    assert talk.transport.is_aborted


def test_some_requests_may_wait_for_an_answer_but_not_any_number():
    talk = Talk()
    talk.sends(GET * (1 + MAX_PIPELINED))
    assert not talk.transport.is_closed
    talk.sends(GET * 10_000)
    assert talk.transport.is_closed
    assert len(talk.protocol.pipeline) == MAX_PIPELINED


def test_a_request_that_is_none_is_refused_with_a_problem():
    talk = Talk()
    talk.sends(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    assert (talk.status, talk.problem["code"]) == (400, "bad_request")
