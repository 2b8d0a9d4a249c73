"""uvicorn's HTTP protocol with times and sizes of requests bounded; it knows uvicorn's insides.

The headers of a request have a time and a size; a body must bring something in each stretch of
time, however long it is; a response must be read. A connection that the gate refuses gets its
sentence and no more.
"""

from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from maskstream_server.http.problems import error_response, problem_response
from maskstream_server.transport.config import TransportConfig
from maskstream_server.transport.gate import Entry, origin_of
from maskstream_server.transport.timer import Timer
from maskstream_server.transport.websocket import StreamProtocol

MAX_HEADER_BYTES: Final = 32 << 10
HEADERS_TOO_LARGE: Final = f"The headers of a request have at most {MAX_HEADER_BYTES} bytes."
MIN_BODY_BYTES: Final = 4096
"""What a body must bring in each stretch of `request_stall_s`, unless it ends."""
MAX_PIPELINED: Final = 16
"""Requests that may wait on a connection for the answer to the one before."""
UNREAD_S: Final = 300.0
"""A response of which so long nothing was read is given up; players pause for minutes."""
CLOSE_S: Final = 10.0


class RequestPhase(Enum):
    """What the client of a connection is sending."""

    HEADERS = auto()
    BODY = auto()
    NOTHING = auto()


class RequestProtocol(HttpToolsProtocol):
    """One HTTP connection on uvicorn's side; see `HttpToolsProtocol`."""

    config: TransportConfig

    def __init__(self, config: TransportConfig, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self._settings = config.settings
        self._entry: Entry | None = None
        self._phase = RequestPhase.NOTHING
        self._timer, self._write_timer = Timer(self.loop), Timer(self.loop)
        self._num_read_bytes = self._num_header_bytes = self._num_body_bytes = 0

    # What asyncio calls.

    def connection_made(self, transport: Any) -> None:
        """Pass the gate, and begin to wait for a request."""
        super().connection_made(transport)
        self._entry = self.config.gate.enter(origin_of(self.client[0] if self.client else None))
        if self._entry is None:
            transport.abort()
            return
        if self._entry.refusal is not None:
            self.app = _closing(error_response(self._entry.refusal))
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the gate."""
        self._stop()
        if self._entry is not None:
            self.config.gate.leave(self._entry)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self._phase is RequestPhase.NOTHING and not self._timer.is_running:
            self._await_headers()  # also where only empty lines come
        super().data_received(data)
        if self._phase is RequestPhase.HEADERS:
            self._num_read_bytes += len(data)
            if self._num_read_bytes > MAX_HEADER_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HEADERS_TOO_LARGE)

    def pause_writing(self) -> None:
        """See to it that the client reads on."""
        super().pause_writing()
        self._watch_writing(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """See that it has."""
        super().resume_writing()
        self._write_timer.stop()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._phase, self._num_read_bytes, self._num_header_bytes = RequestPhase.HEADERS, 0, 0
        if not self._timer.is_running:
            self._await_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, or one behind a body in chunks."""
        super().on_header(name, value)
        self._num_header_bytes += len(name) + len(value)
        if self._num_header_bytes > MAX_HEADER_BYTES:
            raise _RefusedError

    def on_headers_complete(self) -> None:
        """Begin to answer, and to wait for the body."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise _RefusedError
        super().on_headers_complete()
        self._phase, self._num_body_bytes = RequestPhase.BODY, 0
        self._await_body()

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._num_body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        super().on_message_complete()
        self._phase = RequestPhase.NOTHING
        self._timer.stop()

    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read."""
        if self._num_header_bytes > MAX_HEADER_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HEADERS_TOO_LARGE)
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, with its place."""
        self._stop()
        assert self._entry is not None
        if self._entry.refusal is not None:
            self._end_with(error_response(self._entry.refusal))
            return
        super().handle_websocket_upgrade()
        successor = self.transport.get_protocol()
        assert isinstance(successor, StreamProtocol)
        successor.entered(self._entry)

    # Times.

    def _await_headers(self) -> None:
        self._timer.start(self._settings.request_header_s, self._headers_late)

    def _headers_late(self) -> None:
        if self._is_answering:
            self._await_headers()
        elif self._phase is RequestPhase.HEADERS:
            within_s = self._settings.request_header_s
            detail = f"The headers of the request did not come within {within_s:g} s."
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, detail)
        else:
            self._close()

    def _await_body(self) -> None:
        check = partial(self._check_body, self.flow.read_paused, self._num_body_bytes)
        self._timer.start(self._settings.request_stall_s, check)

    def _check_body(self, was_paused: bool, num_bytes_before: int) -> None:
        """End a request whose body does not come, unless the server did not read it."""
        if self.cycle.response_complete:
            self._close()
        elif (
            self._num_body_bytes - num_bytes_before >= MIN_BODY_BYTES
            or was_paused
            or self.flow.read_paused
            or self.cycle.waiting_for_100_continue
        ):
            self._await_body()
        else:
            within_s = self._settings.request_stall_s
            detail = f"The body of the request brought next to nothing within {within_s:g} s."
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, detail)

    def _watch_writing(self, num_left_before: int) -> None:
        def check() -> None:
            num_left = self.transport.get_write_buffer_size()
            if num_left < num_left_before:
                self._watch_writing(num_left)
            else:
                self.transport.abort()

        self._write_timer.start(UNREAD_S, check)

    # Ends.

    @property
    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer with a problem where nothing is answered yet, and close."""
        if self.transport.is_closing():
            return
        if self._is_answering:
            is_silent = self._phase is not RequestPhase.BODY or self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if is_silent:
                self._close()
                return
        self._end_with(problem_response(status, status.name.lower(), detail))

    def _end_with(self, response: JSONResponse) -> None:
        lines = [name + b": " + value + b"\r\n" for name, value in _closing(response).raw_headers]
        head = b"".join([STATUS_LINE[response.status_code], *lines, b"\r\n"])
        self.transport.write(head + bytes(response.body))
        self._close()

    def _close(self) -> None:
        """Close; what the client has not read after a while is lost."""
        self._stop()
        self.transport.close()
        self.loop.call_later(CLOSE_S, self.transport.abort)

    def _stop(self) -> None:
        self._timer.stop()
        self._write_timer.stop()


class _RefusedError(Exception):
    """Inside the parser, which turns it into one of its own."""


def _closing(response: JSONResponse) -> JSONResponse:
    response.headers["connection"] = "close"
    return response
