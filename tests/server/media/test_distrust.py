"""A parent checks what a child says, which a hostile video may have taken over."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import DecodedVideo
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import (
    FRAME_HEAD,
    SOUND_HEAD,
    ChildTask,
    MessageKind,
    SourceInfo,
)
from maskstream_server.media.soundtrack import Sound

INFO = SourceInfo(
    width=4,
    height=2,
    rotation=0,
    rate=Fraction(25, 2),
    sample_aspect=Fraction(1),
    start_s=0.0,
    duration_s=1.0,
    num_frames=None,
    has_audio=False,
    codec="h264",
    container="mov",
)
LIMITS = VideoLimits(max_frames=3, max_pixels=100)
FRAME = FRAME_HEAD.pack(0.5, 4, 2, 12, 0) + bytes(range(24))


class Liar:
    """A child that says what a test wants."""

    def __init__(self, *messages):
        self._messages = list(messages)
        self._payload = b""

    def header(self):
        kind, self._payload = self._messages.pop(0)
        return kind, len(self._payload)

    def read(self, num_bytes):
        data, self._payload = self._payload[:num_bytes], self._payload[num_bytes:]
        return data

    text = read

    def read_into(self, view):
        view[:] = self.read(len(view))


def frames_of(*messages):
    return list(DecodedVideo(Liar((MessageKind.INFO, INFO.encode()), *messages), LIMITS))


def info_with(**fields):
    return json.dumps({**json.loads(INFO.encode()), **fields}).encode()


def test_valid_messages_of_a_child_are_accepted():
    (frame,) = frames_of((MessageKind.FRAME, FRAME), (MessageKind.END, b"null"))
    assert np.array_equal(frame.pixels.ravel(), np.arange(24))
    assert SourceInfo.decode(INFO.encode(), LIMITS) == INFO
    task = ChildTask(replace(LIMITS, cpu_s=7), skip=3)
    assert ChildTask.decode(task.encode()) == task


@pytest.mark.parametrize(
    "info",
    [
        b"",
        b"[]",
        b"{}",
        4000 * b"[",
        info_with(width=10**6),
        info_with(height=0),
        info_with(width="wide"),
        info_with(rate="0/1"),
        info_with(rate="1/0"),
        info_with(rate=f"{10**20}/1"),
        info_with(sample_aspect="-1/1"),
        info_with(num_frames="many"),
        info_with(num_frames=-3),
        info_with(start_s=float("nan")),
        info_with(duration_s=float("inf")),
    ],
)
def test_impossible_facts_are_refused(info):
    with pytest.raises(MediaError) as caught:
        DecodedVideo(Liar((MessageKind.INFO, info)), LIMITS)
    assert caught.value.code is MediaCode.DECODER_FAILED


@pytest.mark.parametrize(
    "message",
    [
        (MessageKind.FRAME, FRAME[:-1]),
        (MessageKind.FRAME, FRAME_HEAD.pack(0.5, 5, 2, 15, 0) + bytes(30)),
        (MessageKind.FRAME, FRAME_HEAD.pack(0.5, 4, 2, 12, 1) + bytes(24)),
        (MessageKind.FRAME, FRAME_HEAD.pack(0.5, 4, 2, 11, 0) + bytes(22)),
        (MessageKind.FRAME, FRAME_HEAD.pack(0.5, 4, 2, 1 << 20, 0) + bytes(24)),
        (MessageKind.FRAME, FRAME_HEAD.pack(-1.0, 4, 2, 12, 0) + bytes(24)),
        (MessageKind.FRAME, FRAME_HEAD.pack(float("nan"), 4, 2, 12, 0) + bytes(24)),
        (MessageKind.INFO, INFO.encode()),
        (MessageKind.SOUND, bytes(24)),
        (MessageKind.SKIPPED, b"x"),
        (MessageKind.END, b"17"),
    ],
)
def test_messages_that_cannot_be_end_the_video(message):
    with pytest.raises(MediaError) as caught:
        frames_of(message, (MessageKind.END, b"null"))
    assert caught.value.code is MediaCode.DECODER_FAILED


def test_more_frames_than_allowed_end_the_video():
    with pytest.raises(MediaError):
        frames_of(*4 * [(MessageKind.FRAME, FRAME)], (MessageKind.END, b"null"))


@pytest.mark.parametrize(
    "message",
    [
        (MessageKind.FRAME, FRAME),
        (MessageKind.SOUND, b""),
        (MessageKind.SOUND, SOUND_HEAD.pack(0.0) + b"odd"),
        (MessageKind.SOUND, SOUND_HEAD.pack(float("nan")) + bytes(4)),
        (MessageKind.SOUND, SOUND_HEAD.pack(1e300) + bytes(4)),
    ],
)
def test_impossible_sound_is_refused(message):
    with pytest.raises(MediaError):
        list(Sound(Liar(message, (MessageKind.END, b"null")), LIMITS))
