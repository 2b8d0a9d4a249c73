"""The loop of a decoding process: requests over stdin, replies over stdout (`messages.py`).

It ends with its parent: at the end of stdin, or at its alarm where a decoder does not return.
"""

import os
from collections.abc import Callable
from typing import BinaryIO

from maskstream_protocol.frames import FrameCodec
from maskstream_server.media.confinement import Alarm, confine, take_channels
from maskstream_server.pictures.limits import PictureLimits
from maskstream_server.pictures.messages import MAX_TEXT_BYTES, REPLY, REQUEST, Asked, ReplyKind
from maskstream_server.pictures.refusal import Size, TooLargeError, UndecodableError

Decode = Callable[[FrameCodec, Asked, bytes], tuple[Size, bytes | memoryview]]
"""A payload to height, width and RGB bytes; raises as `decoding.decode` does."""
Reply = tuple[ReplyKind, int, int, bytes | memoryview]


def answer_requests(limits: PictureLimits, decode: Decode) -> None:
    """Decode one payload after the other, within the limits."""
    requests, replies = take_channels()
    alarm = Alarm(limits.deadline_s)
    confine(limits.memory_bytes)
    with os.fdopen(requests, "rb") as source, os.fdopen(replies, "wb") as outlet:
        _send(outlet, (ReplyKind.READY, 0, 0, b""))
        while head := source.read(REQUEST.size):
            codec, asked, num_bytes = REQUEST.unpack(head)
            payload = source.read(num_bytes)
            alarm.set()
            reply = _answer(decode, FrameCodec(codec), Asked(asked), payload, limits)
            alarm.off()
            _send(outlet, reply)


def _answer(
    decode: Decode, codec: FrameCodec, asked: Asked, payload: bytes, limits: PictureLimits
) -> Reply:
    try:
        (height, width), pixels = decode(codec, asked, payload)
    except TooLargeError as error:
        return ReplyKind.TOO_LARGE, *error.size, b""
    except UndecodableError as error:
        return _undecodable(str(error))
    except MemoryError:
        mebibytes = limits.memory_bytes >> 20
        sentence = f"The picture needs more than the {mebibytes} MiB that decoding one may take."
        return _undecodable(sentence)
    if Asked.UNSEEN in asked:
        return ReplyKind.DECODED, 0, 0, b""
    return ReplyKind.PICTURE, height, width, pixels


def _undecodable(sentence: str) -> Reply:
    text = sentence.encode()[:MAX_TEXT_BYTES]
    return ReplyKind.UNDECODABLE, len(text), 0, text


def _send(outlet: BinaryIO, reply: Reply) -> None:
    kind, first, second, data = reply
    outlet.write(REPLY.pack(kind, first, second))
    outlet.write(data)
    outlet.flush()
