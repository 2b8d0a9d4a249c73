"""A file's frames are the same to a client that streams it and to a server that gets it whole."""

from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

from maskstream_client.errors import SourceError
from maskstream_client.video import VideoReader
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from support.odd_videos import KINDS

FAULTS = (
    *("cover_first/cover_first.mp4", "annotated_video/anamorphic_sar.mp4"),
    *("annotated_video/screen_recording_vfr.mp4", "colours_unmarked_hd/hd_unmarked.mp4"),
    *("formats/annexb.h264", "formats/annexb.hevc", "formats/camera_adpcm.avi"),
    *("formats/flash_sorenson.flv", "formats/h264_amr.3gp", "formats/motion_png.mov"),
    "formats/windows_media.wmv",
)
CLIPS = (
    *("06_sign_person_fullrange.mkv", "07_nasa_multistream.mp4", "08_people_preview.gif"),
    *("14_persons_mjpeg.avi", "15_phone_portrait_rot90.mp4", "18_bottles_vfr.mp4"),
    *("17_cars_odd_319x179_h264_444.mp4", "20_dog_mpeg2_interlaced_sar.ts"),
    *("22_bottles_resolution_change.ts", "29_cars_ts_start3600s.ts"),
)
MORE_CLIPS = (
    *("12_cars_hevc_main10_hlg.mp4", "13_dog_vp9_opus.webm", "19_cars_av1.webm"),
    *("15b_phone_upside_down_rot180.mp4", "23_cars_gray_ffv1.mkv", "25_dog_theora.ogv"),
    "28_persons_mpeg4_asp.avi",
)
"""Of other codecs: both sides decode by one package, of which `test_clips` reads them all."""
HOSTILE = (
    *("corrupt_payload.mp4", "second_half_zeroed.mp4", "truncated_faststart.mp4"),
    *("pts_goes_back.ts", "ts_with_junk_gaps.ts", "duplicate_timestamps.mkv"),
    *("two_frames_10h_apart.mkv", "avi_says_65535x65535.avi", "avi_rate_zero.avi"),
)


def check(path: Path) -> None:
    with open_video(path) as video, VideoReader(path) as reader:
        for uploaded, streamed in zip_longest(video, reader):
            assert uploaded.time_s == streamed.pts_s
            assert np.array_equal(uploaded.pixels, streamed.pixels)
        info = video.info
        assert (info.rate, info.num_frames) == (reader.rate, reader.num_frames)
        assert info.sample_aspect == reader.sample_aspect
        assert video.warning == reader.warning


@pytest.mark.parametrize("name", KINDS)
def test_a_file_of_any_kind_is_the_same_as_a_stream_and_as_an_upload(name, tmp_path):
    check(KINDS[name](tmp_path / name))


@pytest.mark.parametrize(
    "name",
    [
        *(f"faults/{name}" for name in FAULTS),
        *(f"clips/{name}" for name in CLIPS),
        *(pytest.param(f"clips/{name}", marks=pytest.mark.slow) for name in MORE_CLIPS),
        *(f"hostile/{name}" for name in HOSTILE),
    ],
)
def test_a_real_file_is_the_same_as_a_stream_and_as_an_upload(name, test_data):
    check(test_data / name)


@pytest.mark.parametrize(
    "name", ["faults/cover_first/song_with_cover.m4a", "hostile/audio_only.mp4"]
)
def test_what_has_no_video_is_refused_by_both(name, test_data):
    with pytest.raises(MediaError, match="no video stream"):
        open_video(test_data / name)
    with pytest.raises(SourceError, match="has no video in it"):
        VideoReader(test_data / name)
