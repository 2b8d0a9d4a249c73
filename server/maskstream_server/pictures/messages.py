"""Messages between server and worker over two pipes; replies are not trusted.

A request is codec and length, then the payload. A reply is kind and two numbers: READY once at the
start; PICTURE (height, width) before its RGB bytes; TOO_LARGE (height, width); UNDECODABLE (length,
0) before a sentence.
"""

import struct
from enum import IntEnum
from typing import Final

REQUEST: Final = struct.Struct("<BI")
REPLY: Final = struct.Struct("<BII")
MAX_TEXT_BYTES: Final = 1024


class ReplyKind(IntEnum):
    """What a reply is."""

    READY = 1
    PICTURE = 2
    TOO_LARGE = 3
    UNDECODABLE = 4
