"""A second client, written from docs/protocol.md alone: it imports nothing of this project.

It is slow and plain on purpose. What it cannot do, docs/protocol.md does not say.
"""

import json
import struct
import zlib
from contextlib import ExitStack
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

FRAME_HEADER = "<BBHHBBQqIHH"
RESULT_HEADER = "<BBHHBBQqIIIIIIHHHHII"
OBJECT_RECORD = "<IHHHHHHIIIHBB"
RLE, BITS, LABELMAP8, LABELMAP16, POLYGONS = 1, 2, 3, 4, 5


@dataclass
class Found:
    """One row of an object table, with its mask as a set of (x, y)."""

    track_id: int
    class_id: int
    score: float
    box: tuple
    area: int
    age: int
    status: int
    mask: frozenset


@dataclass
class Answer:
    """One RESULT."""

    sequence: int
    epoch: int
    pts_us: int
    durable: bool
    first: bool
    last: bool
    dropped: int
    task: int
    size: tuple
    found: list


@dataclass
class SecondClient:
    """One stream; `talk` is everything the server said in JSON."""

    url: str
    hello: dict = field(default_factory=dict)
    answers: dict = field(default_factory=dict)
    talk: list = field(default_factory=list)
    at_end: ExitStack = field(default_factory=ExitStack)

    def open(self):
        opening = connect(self.url, subprotocols=["maskstream.v1"], compression=None)
        self.socket = self.at_end.enter_context(opening)
        self.say("hello", **self.hello)
        self.welcome = self.wait_for("welcome")
        self.epoch, self.next = self.welcome["epoch"], self.welcome["next_sequence"]
        self.frames_left = self.welcome["credit"]["frames"]
        self.bytes_left = self.welcome["credit"]["bytes"]
        return self

    def resume(self):
        """Another client that continues where this one stopped."""
        token = {"token": self.welcome["resume_token"], "last_sequence": max(self.answers)}
        return SecondClient(self.url, self.hello | {"resume": token}, self.answers).open()

    def say(self, kind, **fields):
        self.socket.send(json.dumps({"type": kind, **fields}))

    def send_rgb(self, height, width, pixels, pts_us=-1, orientation=0, last=False):
        """Send an RGB24 frame when there is credit for it; returns its sequence."""
        header = struct.pack(
            FRAME_HEADER,
            *(1, 1, 32, int(last), 3, orientation, self.next, pts_us, self.epoch, width, height),
        )
        message = header + pixels
        while self.frames_left < 1 or self.bytes_left < len(message):
            self.read()
        self.frames_left -= 1
        self.bytes_left -= len(message)
        self.socket.send(message)
        self.next += 1
        return self.next - 1

    def read(self):
        """One message of the server."""
        message = self.socket.recv(timeout=60)
        if isinstance(message, bytes):
            answer = read_result(message)
            self.answers.setdefault(answer.sequence, answer)
            return
        said = json.loads(message)
        self.talk.append(said)
        if said["type"] == "credit":
            self.frames_left += said["frames"]
            self.bytes_left += said["bytes"]
        if said["type"] == "reset":
            self.epoch, self.next = said["epoch"], said["next_sequence"]

    def wait_for(self, kind, **fields):
        """Read until a message of this type with these fields has come."""
        while True:
            for said in self.talk:
                if said["type"] == kind and fields.items() <= said.items():
                    return said
            self.read()

    def answer(self, sequence):
        while sequence not in self.answers:
            self.read()
        return self.answers[sequence]

    def flush(self, name):
        self.say("flush", id=name)
        return self.wait_for("flushed", id=name)

    def read_to_the_end(self):
        try:
            while True:
                self.read()
        except ConnectionClosed as closed:
            self.at_end.close()
            return closed.rcvd.code

    def bye(self):
        self.say("bye")
        return self.read_to_the_end()


def read_result(message):
    head = struct.unpack_from(RESULT_HEADER, message)
    version, kind, _, flags, codec, task, sequence, pts_us, epoch, dropped = head[:10]
    width, height, count, _, table, blob_length = head[14:]
    assert (version, kind) == (1, 0x81)
    blob_start = table + 32 * count
    blob = message[blob_start : blob_start + blob_length]
    found = []
    for row, values in enumerate(struct.iter_unpack(OBJECT_RECORD, message[table:blob_start])):
        track_id, class_id, score, x0, y0, x1, y1, offset, length, area, age, status, _ = values
        box = (x0, y0, x1, y1)
        mask = frozenset()
        if x1 > x0 and codec:
            data = blob[offset : offset + length]
            mask = frozenset(read_mask(codec, data if length else blob, box, width, row + 1))
        found.append(Found(track_id, class_id, score / 65535, box, area, age, status, mask))
    return Answer(
        *(sequence, epoch, pts_us, bool(flags & 2), bool(flags & 1), bool(flags & 4)),
        *(dropped, task, (height, width), found),
    )


def read_mask(codec, data, box, width, label):
    """The pixels (x, y) of a mask."""
    x0, y0, x1, y1 = box
    if codec == RLE:
        return [(x0 + n // (y1 - y0), y0 + n % (y1 - y0)) for n in rle_positions(data)]
    if codec == BITS:
        flat = zlib.decompress(data)
        positions = [n for n in range((x1 - x0) * (y1 - y0)) if flat[n // 8] >> (7 - n % 8) & 1]
        return [(x0 + n % (x1 - x0), y0 + n // (x1 - x0)) for n in positions]
    if codec in (LABELMAP8, LABELMAP16):
        labels = struct.iter_unpack("<B" if codec == LABELMAP8 else "<H", zlib.decompress(data))
        return [(n % width, n // width) for n, (value,) in enumerate(labels) if value == label]
    rings = read_rings(data)
    corners = [(x, y) for y in range(y0, y1) for x in range(x0, x1)]
    return [point for point in corners if is_inside(point, rings)]


def rle_positions(data):
    """Positions of the set pixels of a COCO run-length string, down the columns."""
    counts, at = [], 0
    while at < len(data):
        value, shift, more = 0, 0, True
        while more:
            code = data[at] - 48
            value |= (code & 0x1F) << shift
            more, shift, at = bool(code & 0x20), shift + 5, at + 1
            if not more and code & 0x10:
                value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
    positions, start = [], 0
    for index, count in enumerate(counts):
        positions += range(start, start + count) if index % 2 else ()
        start += count
    return positions


def read_rings(data):
    (num_rings,) = struct.unpack_from("<H", data)
    rings, at = [], 2
    for _ in range(num_rings):
        (num_points,) = struct.unpack_from("<H", data, at)
        points = struct.unpack_from(f"<{2 * num_points}h", data, at + 2)
        rings.append(list(zip(points[::2], points[1::2], strict=True)))
        at += 2 + 4 * num_points
    assert at == len(data)
    return rings


def is_inside(point, rings):
    """Even-odd; an outer ring is filled with its outline, a hole without it."""
    x, y = point
    crossings = 0
    for ring in rings:
        for (xa, ya), (xb, yb) in zip(ring, ring[1:] + ring[:1], strict=True):
            cross = (xb - xa) * (y - ya) - (yb - ya) * (x - xa)
            within = min(xa, xb) <= x <= max(xa, xb) and min(ya, yb) <= y <= max(ya, yb)
            if cross == 0 and within:
                return True
            if (ya <= y) != (yb <= y) and (cross > 0) == (yb > ya):
                crossings += 1
    return crossings % 2 == 1
