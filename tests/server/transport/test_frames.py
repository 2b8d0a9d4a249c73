"""The frames of one WebSocket without any I/O."""

import json

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State

from maskstream_server.transport.frames import FIRST_MESSAGE_BYTES, FREE_FRAGMENTS, BoundedFrames
from support.raw_socket import BINARY, CONTINUATION, PING, TEXT, upgrade_request, ws_frame


def opened() -> BoundedFrames:
    frames = BoundedFrames()
    frames.receive_data(upgrade_request("localhost"))
    (request,) = frames.events_received()
    assert isinstance(request, Request)
    frames.send_response(frames.accept(request))
    frames.data_to_send()
    return frames


def ending(frames: BoundedFrames) -> tuple[str, int]:
    """Return the code of the last error and of the close."""
    error, close = (Frame(Opcode(data[0] & 15), data[2:]) for data in frames.data_to_send()[-3:-1])
    text = bytes(error.data)
    return json.loads(text[text.index(b"{") :])["code"], Close.parse(close.data).code


def test_before_welcome_messages_are_small():
    frames = opened()
    frames.receive_data(ws_frame(TEXT, bytes(FIRST_MESSAGE_BYTES)))
    assert len(frames.events_received()) == 1
    frames.receive_data(ws_frame(BINARY, size=FIRST_MESSAGE_BYTES + 1))
    assert ending(frames) == ("bad_hello", 4400)
    frames.receive_data(bytes(1 << 20))
    assert frames.events_received() == []
    assert len(frames.reader.buffer) == 0


def test_after_welcome_they_are_as_large_as_was_agreed_also_in_fragments():
    frames = opened()
    frames.welcome(200_000)
    frames.receive_data(ws_frame(BINARY, bytes(200_000)))
    frames.receive_data(ws_frame(BINARY, bytes(150_000), fin=False))
    assert len(frames.events_received()) == 2
    frames.receive_data(ws_frame(CONTINUATION, size=50_001))
    assert ending(frames) == ("frame_too_large", 4413)


def test_fragments_of_some_size_may_be_any_number():
    frames = opened()
    frames.welcome(1 << 22)
    frames.receive_data(ws_frame(BINARY, bytes(1024), fin=False))
    for _ in range(2000):
        frames.receive_data(ws_frame(CONTINUATION, bytes(1024), fin=False))
    frames.receive_data(ws_frame(CONTINUATION))
    assert len(frames.events_received()) == 2002


@pytest.mark.parametrize("payload", [b"", b"x"])
def test_a_message_in_tiny_fragments_without_end_is_refused(payload):
    frames = opened()
    frames.receive_data(ws_frame(BINARY, payload, fin=False))
    for _ in range(FREE_FRAGMENTS - 1):
        frames.receive_data(ws_frame(CONTINUATION, payload, fin=False))
    assert frames.state is State.OPEN
    frames.receive_data(ws_frame(CONTINUATION, payload, fin=False))
    assert ending(frames) == ("bad_message", 4422)


def test_fragments_are_counted_anew_with_each_message():
    frames = opened()
    for _ in range(10):
        frames.receive_data(ws_frame(BINARY, fin=False))
        for _ in range(FREE_FRAGMENTS - 2):
            frames.receive_data(ws_frame(CONTINUATION, fin=False) + ws_frame(PING))
        frames.receive_data(ws_frame(CONTINUATION))
    assert frames.state is State.OPEN
    assert frames.num_small == 10 * (2 * FREE_FRAGMENTS - 2)
    frames.receive_data(ws_frame(BINARY, bytes(1024)))
    assert frames.num_small == 10 * (2 * FREE_FRAGMENTS - 2)
