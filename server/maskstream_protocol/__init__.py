"""The wire protocol, version 1: messages, codec, masks, error codes. No I/O."""

from typing import Final

SUBPROTOCOL: Final = "maskstream.v1"
STREAM_PATH: Final = "/v1/stream"
