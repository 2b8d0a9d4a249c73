"""A decoding process that was taken over: it says what the payload says."""

import os
import time

from maskstream_server.media.confinement import take_channels
from maskstream_server.pictures.messages import REPLY, REQUEST, ReplyKind

REQUESTS, REPLIES = take_channels()


def read(num_bytes: int) -> bytes:
    data = b""
    while len(data) < num_bytes:
        piece = os.read(REQUESTS, num_bytes - len(data))
        if not piece:
            raise SystemExit
        data += piece
    return data


os.write(REPLIES, REPLY.pack(ReplyKind.READY, 0, 0))
while True:
    payload = read(REQUEST.unpack(read(REQUEST.size))[-1])
    if payload == b"silence":
        time.sleep(3600)
    if payload == b"death":
        os.abort()
    os.write(REPLIES, payload)
