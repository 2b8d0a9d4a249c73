"""Pictures and videos: each codec is tried with the code that a server uses."""

import io
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from PIL import Image

from maskstream_media.installed import can_decode, version
from maskstream_media.writer import WRITING_ERRORS
from maskstream_protocol.frames import FrameCodec
from maskstream_server.doctor.finding import Finding
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from maskstream_server.media.limits import VideoLimits
from maskstream_server.media.messages import SourceInfo
from maskstream_server.media.overlay import OverlayWriter
from maskstream_server.pictures.limits import PictureLimits, memory_for
from maskstream_server.pictures.worker import PictureWorker

SIZE: Final = (48, 64)
LIMITS: Final = PictureLimits(
    max_pixels=10_000,
    max_side_px=100,
    max_bytes=1 << 20,
    deadline_s=60.0,
    memory_bytes=memory_for(10_000, 1 << 20),
)
VIDEO_LIMITS: Final = VideoLimits()
PICTURES: Final = (FrameCodec.JPEG, FrameCodec.PNG, FrameCodec.WEBP)
VIDEOS: Final = ("h264", "hevc", "vp9", "av1")


def check_pictures() -> Sequence[Finding]:
    """Look whether frames of each codec decode to what was encoded, in a process as a server's."""
    worker = PictureWorker(LIMITS, time.monotonic)
    broken = {codec.name: reason for codec in PICTURES if (reason := _fault_of(codec, worker))}
    worker.close()
    if broken:
        text = "; ".join(f"{name}: {reason}" for name, reason in broken.items())
        advice = "Install Pillow anew from its wheel: pip install --force-reinstall pillow."
        return [Finding("pictures", "failed", text, advice)]
    return [Finding("pictures", "ok", f"{', '.join(codec.name for codec in PICTURES)} and RGB24")]


def _fault_of(codec: FrameCodec, worker: PictureWorker) -> str:
    """Return why a picture does not come back; empty where it does."""
    grey = np.full((*SIZE, 3), 100, np.uint8)
    buffer = io.BytesIO()
    try:
        Image.fromarray(grey).save(buffer, codec.name)
        if worker.pid is None:
            worker.start()
        picture = worker.decode(codec, buffer.getvalue())
    except Exception as error:  # a codec that was left out fails in many ways
        return str(error) or type(error).__name__
    return "" if abs(picture.astype(int) - grey).max() <= 3 else "comes back another picture"


def check_videos() -> Sequence[Finding]:
    """Look whether an H.264 video can be written and read, and what else can be read."""
    missing = [name for name in VIDEOS if not can_decode(name)]
    text = f"PyAV {version()} reads {', '.join(n for n in VIDEOS if n not in missing)}"
    try:
        num_frames = _round_trip()
    except (MediaError, *WRITING_ERRORS) as error:
        advice = "Install PyAV anew from its wheel: pip install --force-reinstall av."
        return [Finding("videos", "failed", f"H.264 cannot be written or read: {error}", advice)]
    if num_frames != 2:
        return [Finding("videos", "failed", f"{num_frames} frames of 2 come back", "Reinstall av.")]
    if missing:
        advice = f"Videos in {', '.join(missing)} will be refused; PyAV's own wheel reads them."
        return [Finding("videos", "warning", text, advice)]
    return [Finding("videos", "ok", text)]


def _round_trip() -> int:
    """Write a video of two frames as an annotated one, and decode it in a child process.

    Returns:
        how many frames come back.
    """
    height, width = SIZE
    info = SourceInfo(
        width=width,
        height=height,
        rotation=0,
        rate=Fraction(25),
        sample_aspect=Fraction(1),
        start_s=0.0,
        duration_s=None,
        num_frames=None,
        has_audio=False,
        codec="",
        container="",
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "two.mp4"
        with OverlayWriter(path, info) as writer:
            for number in range(2):
                writer.write(np.full((*SIZE, 3), 100, np.uint8), number / 25)
        with open_video(path, VIDEO_LIMITS) as video:
            return sum(1 for _ in video)
