"""Units of videos as clients send them, and hostile ones."""

from collections.abc import Sequence

import numpy as np

from maskstream_media.unit_encoder import Unit, UnitEncoder
from maskstream_protocol.frames import FrameCodec, FrameMessage
from support.pictures import gradient

CODECS = [codec for codec in FrameCodec if codec.is_packet]


def moving(count: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Pictures of which each differs from the one before."""
    return [np.roll(gradient(height, width), 3 * number, axis=1) for number in range(count)]


def encoded_units(
    codec: FrameCodec, pictures: Sequence[np.ndarray], keys: Sequence[int] = (0,), quality: int = 90
) -> list[Unit]:
    """Encode pictures; those of the numbers `keys` are key frames."""
    encoder = UnitEncoder(codec.wire_name, quality)
    units = [encoder.encode(each, key=number in keys) for number, each in enumerate(pictures)]
    encoder.close()
    return units


def unit_frames(codec: FrameCodec, units: Sequence[Unit], first: int = 1) -> list[FrameMessage]:
    """Return the frames that carry units, numbered from `first`."""
    return [
        FrameMessage(number, 1, codec, unit.payload, key_frame=unit.key_frame)
        for number, unit in enumerate(units, first)
    ]


def with_b_frames(count: int = 8) -> list[Unit]:
    """H.264 of which pictures come in another order than they are shown."""
    from fractions import Fraction

    import av
    from av.codec import CodecContext

    context = CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = 64, 48, "yuv420p"
    context.time_base = Fraction(1, 25)
    context.options = {"x264-params": "keyint=50:bframes=2:b-adapt=0:repeat-headers=1"}
    packets = []
    for number, picture in enumerate(moving(count)):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += context.encode(frame)
    packets += context.encode(None)
    return [Unit(bytes(packet), packet.is_keyframe) for packet in packets]
