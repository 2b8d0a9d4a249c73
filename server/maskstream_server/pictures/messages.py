"""Messages between server and worker over two pipes; replies are not trusted.

A request is codec, what is asked, and length, then the payload. A reply is kind and two numbers:
READY once at the start; PICTURE (height, width) before its RGB bytes; DECODED (0, 0) where no
picture is wanted; TOO_LARGE (height, width, or 0 where they are not known); UNDECODABLE (length,
0) before a sentence.
"""

import struct
from enum import IntEnum, IntFlag
from typing import Final

REQUEST: Final = struct.Struct("<BBI")
REPLY: Final = struct.Struct("<BII")
MAX_TEXT_BYTES: Final = 1024


class Asked(IntFlag):
    """What a request asks beside decoding.

    ALONE: nothing; a picture on its own.
    BEGINS: the payload is to be decoded without what came before.
    UNSEEN: no picture is wanted; later payloads build on this one.
    """

    ALONE = 0
    BEGINS = 1
    UNSEEN = 2


class ReplyKind(IntEnum):
    """What a reply is."""

    READY = 1
    PICTURE = 2
    TOO_LARGE = 3
    UNDECODABLE = 4
    DECODED = 5
