"""Clips that decode to the very pixels that they were made of."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from maskstream_model.aliases import Frame

FPS = 10


def write_lossless(path: Path, frames: Sequence[Frame]) -> Path:
    """Write a Matroska file of FFV1."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="bgr0")
            frame.pts, frame.time_base = index, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
