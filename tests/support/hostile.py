"""How each of the broken and malicious files of the test data must end."""

from dataclasses import dataclass

from maskstream_media.refusal import MediaCode
from maskstream_server.media.limits import VideoLimits

LIMITS = VideoLimits(
    memory_bytes=1 << 30,
    cpu_s=60,
    stall_s=20.0,
    max_pixels=2048 * 2048,
    max_side_px=4096,
    max_frames=1500,
)
"""What they must be within."""

NO_VIDEO_FILE = "The file is no video that can be read"
NOTHING_DECODES = "No frame of the video can be decoded"
NO_STREAM = "The file has no video stream"


@dataclass(frozen=True)
class Refused:
    code: MediaCode
    sentence: str


@dataclass(frozen=True)
class Reads:
    num_frames: int
    size: tuple[int, int]
    warning: str | None = None


UNREADABLE = Refused(MediaCode.UNREADABLE, NO_VIDEO_FILE)
UNDECODABLE = Refused(MediaCode.UNREADABLE, NOTHING_DECODES)
WITHOUT_VIDEO = Refused(MediaCode.NO_VIDEO, NO_STREAM)
CLIP = Reads(70, (384, 216))
ENDS = {
    "all_black.mp4": Reads(40, (320, 180)),
    "all_noise.mp4": Reads(12, (160, 90)),
    "audio_only.mp4": WITHOUT_VIDEO,
    "audio_only.wav": UNREADABLE,
    "avi_rate_zero.avi": Reads(25, (160, 90)),
    "avi_says_65535x65535.avi": Reads(25, (160, 90)),
    "bomb_16384x8192_2f.mp4": Refused(MediaCode.TOO_LARGE, "frames are 16384x8192; at most 4096"),
    "bomb_8192x8192_40f.mp4": Refused(MediaCode.TOO_LARGE, "frames are 8192x8192; at most 4096"),
    "container_says_65535x65535.mp4": CLIP,
    "corrupt_moov.mp4": UNDECODABLE,
    "corrupt_payload.mp4": Reads(69, (384, 216), "The file is damaged"),
    "duplicate_timestamps.mkv": Reads(50, (160, 90)),
    "duration_claims_49_days.mp4": CLIP,
    "empty.mp4": UNREADABLE,
    "encrypted_cenc.mp4": UNDECODABLE,
    "external_dref_file.mp4": CLIP,
    "extreme_aspect_16x4096.mp4": Reads(8, (16, 4096)),
    "extreme_aspect_4096x16.mp4": Reads(8, (4096, 16)),
    "ffconcat_as.mp4": UNREADABLE,
    "fps_1000.mp4": Reads(200, (160, 90)),
    "frames_20000_tiny.mp4": Refused(MediaCode.TOO_LONG, "more than 1500 frames"),
    "gif_20000_frames_2000x2000.gif": Refused(MediaCode.TOO_LONG, "more than 1500 frames"),
    "gif_65535x65535.gif": UNDECODABLE,
    "hls_local_file_as.mp4": UNREADABLE,
    "hls_loopback.m3u8": UNREADABLE,
    "html_as.mp4": UNREADABLE,
    "jpeg_as.mp4": UNREADABLE,
    "jpeg_exif_orientation6.jpg": UNREADABLE,
    "jpeg_says_65500x65500.jpg": UNREADABLE,
    "nested_moov_8000.mp4": UNREADABLE,
    "png_169Mpx_rgb_under_pillow_error_limit.png": UNREADABLE,
    "png_bomb_50000x50000_1bit.png": UNREADABLE,
    "png_says_2147483647.png": UNREADABLE,
    "pts_goes_back.ts": Reads(140, (384, 216)),
    "random_ftyp.mp4": UNREADABLE,
    "second_half_zeroed.mp4": Reads(35, (384, 216), "35 frames could be read, 35 could not"),
    "session.sdp": UNREADABLE,
    "streams_65.mp4": Refused(MediaCode.TOO_LARGE, "65 streams; at most 32"),
    "stsz_count_4g.mp4": UNREADABLE,
    "stts_huge_count.mp4": CLIP,
    "subtitles_only.mkv": WITHOUT_VIDEO,
    "svg_external_entity.svg": UNREADABLE,
    "tiny_1x1.mkv": Reads(5, (1, 1)),
    "tiny_2x2.mkv": Reads(5, (2, 2)),
    "truncated_faststart.mp4": Reads(34, (384, 216), "it announces 70 frames, 34 could be read"),
    "truncated_no_moov.mp4": UNREADABLE,
    "ts_with_junk_gaps.ts": Reads(55, (384, 216)),
    "two_frames_10h_apart.mkv": Reads(2, (320, 180)),
    "video_streams_20.mkv": Reads(15, (384, 216)),
    "zero_frames.mp4": UNDECODABLE,
    "zero_size_box.mp4": WITHOUT_VIDEO,
    "zip_as.mp4": UNREADABLE,
}
