"""The wire protocol, version 1: messages, codec, masks, error codes. No I/O."""

from typing import Final

SUBPROTOCOL: Final = "maskstream.v1"
TICKET_SUBPROTOCOL: Final = "maskstream.ticket."
"""A ticket follows."""
STREAM_PATH: Final = "/v1/stream"
