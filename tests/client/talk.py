"""A client session and everything that it sent, as values."""

import json

import numpy as np

from client.server_side import welcome
from maskstream_client import events
from maskstream_client.pictures import encode_picture
from maskstream_client.session import ClientSession
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol.frames import decode_frame

PICTURE = encode_picture(np.zeros((4, 6, 3), np.uint8), "rgb24")
SIZE = PICTURE.to_frame().num_bytes


class Conversation:
    """A session and everything that it sent, as values."""

    def __init__(self, **options):
        kept = options.pop("max_kept_bytes", 1 << 20)
        self.session = ClientSession(StreamOptions(**options), kept)
        self.sent = []
        self.texts = []

    def take(self):
        """What it sends now: (sequence, epoch) of frames, the type of control messages."""
        sent = [self._named(each) for each in self.session.outgoing()]
        self.sent += sent
        return sent

    def _named(self, message):
        if isinstance(message, str):
            self.texts.append(json.loads(message))
            return self.texts[-1]["type"]
        frame = decode_frame(message)
        return (frame.sequence, frame.epoch)

    def connect(self, greeting=None, **terms):
        self.session.connection_opened()
        hello = json.loads(next(self.session.outgoing()))
        came = self.session.receive((greeting or welcome(**terms)).to_json())
        return hello, came

    def push(self, count=1):
        return [self.session.push(PICTURE) for _ in range(count)]

    def receive(self, message):
        text = message.encode() if hasattr(message, "encode") else message.to_json()
        return self.session.receive(text)


def connected(**options):
    terms = {key: options.pop(key) for key in ("frames", "num_bytes") if key in options}
    talk = Conversation(**options)
    talk.connect(**terms)
    return talk


def indices(came):
    return [each.frame_index for each in came if isinstance(each, events.Answered)]
