"""Broken and malicious files end as their list says: refused with a sentence, or read so far."""

from dataclasses import dataclass, replace

import psutil
import pytest

from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from maskstream_server.media.refusal import MediaCode

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


@pytest.mark.parametrize("name", [name for name, end in ENDS.items() if isinstance(end, Reads)])
def test_an_odd_file_is_read_as_far_as_it_goes(name, test_data, limits):
    end = ENDS[name]
    with open_video(test_data / "hostile" / name, limits) as video:
        memory_bytes = psutil.Process(video.pid).memory_info().vms
        frames = [(frame.time_s, frame.pixels.shape) for frame in video]
    times = [time_s for time_s, _ in frames]
    assert len(frames) == end.num_frames
    assert {shape for _, shape in frames} == {(end.size[1], end.size[0], 3)}
    assert times == sorted(set(times))
    assert memory_bytes <= limits.memory_bytes
    if end.warning is None:
        assert video.warning is None
    else:
        assert end.warning in video.warning


@pytest.mark.parametrize("name", [name for name, end in ENDS.items() if isinstance(end, Refused)])
def test_a_hostile_file_is_refused_with_a_sentence(name, test_data, limits):
    end = ENDS[name]
    with pytest.raises(MediaError) as caught:
        open_video(test_data / "hostile" / name, limits)
    assert caught.value.code is end.code
    assert end.sentence in caught.value.message
    assert caught.value.message.endswith(".")
    assert str(test_data) not in caught.value.message


def test_every_hostile_file_has_an_expected_end(test_data):
    files = {path.name for path in (test_data / "hostile").iterdir()}
    assert files - {"README.md", "names_and_urls.json"} == set(ENDS)


def test_frames_beyond_the_limit_end_a_video_that_announces_fewer(test_data, limits):
    path = test_data / "hostile" / "pts_goes_back.ts"
    with (
        open_video(path, replace(limits, max_frames=100)) as video,
        pytest.raises(MediaError, match="more than 100 frames") as caught,
    ):
        list(video)
    assert caught.value.http_status == 413


def test_time_beyond_the_limit_ends_a_video(test_data, limits):
    path = test_data / "hostile" / "two_frames_10h_apart.mkv"
    with (
        open_video(path, replace(limits, max_duration_s=3600.0)) as video,
        pytest.raises(MediaError, match="longer than 3600 seconds"),
    ):
        list(video)


def test_memory_beyond_the_limit_is_refused(test_data, limits):
    small = replace(limits, memory_bytes=256 << 20, max_side_px=8192, max_pixels=8192 * 8192)
    with pytest.raises(MediaError, match="more than the 256 MiB of memory") as caught:
        open_video(test_data / "hostile" / "bomb_8192x8192_40f.mp4", small)
    assert caught.value.code is MediaCode.TOO_LARGE


def test_computing_beyond_the_limit_kills_the_child(test_data, limits):
    path = test_data / "hostile" / "gif_20000_frames_2000x2000.gif"
    busy = replace(limits, cpu_s=1, max_frames=20_000)
    with (
        open_video(path, busy, skip=20_000) as video,
        pytest.raises(MediaError, match="more than 1 seconds of computing") as caught,
    ):
        list(video)
    assert caught.value.code is MediaCode.TOO_SLOW
