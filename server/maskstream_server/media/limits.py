"""What one video may cost."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VideoLimits:
    """Limits of one video; over them it is refused with a sentence.

    Attributes:
        memory_bytes: address space of the child that decodes; about 200 MiB of it are the
            libraries, and a decoder may hold 17 frames.
        cpu_s: computing time of that child over the whole video.
        stall_s: computing time in which one more frame must come; ten times that by the clock.
        max_pixels: width x height of a frame.
        max_side_px: the longer side of a frame.
        max_duration_s: from the start of the file to its last frame. Generous, since frames cost
            and time does not: two frames ten hours apart are two frames.
        max_frames: frames decoded.
        max_streams: of all kinds, in the file.
    """

    memory_bytes: int = 2 << 30
    cpu_s: int = 6 * 3600
    stall_s: float = 20.0
    max_pixels: int = 4096 * 2304
    max_side_px: int = 8192
    max_duration_s: float = 12 * 3600.0
    max_frames: int = 250_000
    max_streams: int = 32
