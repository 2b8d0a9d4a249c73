"""Videos made in code."""

from fractions import Fraction

import av
import numpy as np


def numbered_frames(count, height=48, width=64):
    """Frames whose grey value says their number; the upper left corner is white."""
    frames = []
    for index in range(count):
        frame = np.full((height, width, 3), 20 + 10 * index, np.uint8)
        frame[: height // 4, : width // 4] = 255
        frames.append(frame)
    return frames


def write_clip(path, frames, fps=10, rotation=None, codec="mpeg4", pts=None):
    """A clip by PyAV; `pts` are times in ticks of 1/fps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(fps))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = index if pts is None else pts[index]
            frame.time_base = Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def read_all(path):
    """Every frame of a video as (H, W, 3) RGB, by PyAV alone."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
