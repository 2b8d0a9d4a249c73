"""The process that decodes pictures: `python -m maskstream_server.pictures.child LIMITS`.

It reads requests from stdin, replies over stdout (`messages.py`), and ends with its parent: at the
end of stdin, or at its alarm where a decoder does not return.
"""

import os
import sys
from typing import BinaryIO

from PIL import Image

from maskstream_protocol.frames import FrameCodec
from maskstream_server.media.confinement import Alarm, confine, take_channels
from maskstream_server.pictures.decoding import decode
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.messages import MAX_TEXT_BYTES, REPLY, REQUEST, ReplyKind
from maskstream_server.pictures.refusal import TooLargeError, UndecodableError


def main() -> None:
    """Decode one picture after the other."""
    limits = PictureLimits.decode(sys.argv[1])
    # Our own limit is checked in the picture's header.
    Image.MAX_IMAGE_PIXELS = None
    requests, replies = take_channels()
    alarm = Alarm(limits.deadline_s)
    confine(limits.memory_bytes)
    with os.fdopen(requests, "rb") as source, os.fdopen(replies, "wb") as outlet:
        _reply(outlet, ReplyKind.READY, 0, 0)
        while head := source.read(REQUEST.size):
            codec, num_bytes = REQUEST.unpack(head)
            payload = source.read(num_bytes)
            alarm.set()
            reply = _answer(FrameCodec(codec), payload, limits)
            alarm.off()
            _reply(outlet, *reply)


def _answer(
    codec: FrameCodec, payload: bytes, limits: PictureLimits
) -> tuple[ReplyKind, int, int, bytes]:
    try:
        (height, width), pixels = decode(codec, payload, limits)
        return ReplyKind.PICTURE, height, width, pixels
    except TooLargeError as error:
        return ReplyKind.TOO_LARGE, *error.size, b""
    except UndecodableError as error:
        sentence = str(error)
    except MemoryError:
        mebibytes = limits.memory_bytes >> 20
        sentence = f"The picture needs more than the {mebibytes} MiB that decoding one may take."
    text = sentence.encode()[:MAX_TEXT_BYTES]
    return ReplyKind.UNDECODABLE, len(text), 0, text


def _reply(outlet: BinaryIO, kind: ReplyKind, first: int, second: int, data: bytes = b"") -> None:
    outlet.write(REPLY.pack(kind, first, second))
    outlet.write(data)
    outlet.flush()


if __name__ == "__main__":
    main()
