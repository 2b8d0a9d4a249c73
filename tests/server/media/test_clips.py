"""Real clips of many kinds decode as their manifest says."""

from fractions import Fraction

import numpy as np
import psutil
import pytest

from maskstream_client.video import VideoReader
from maskstream_server.media.decoder import open_video

CLIPS = {
    # name: frames, width, height, seconds of the last frame
    "01_cars_enter_leave_h264_aac.mp4": (377, 768, 432, 30.08),
    "05_bottles_hand_h264_1189f.mp4": (1189, 640, 360, 39.82),
    "06_sign_person_fullrange.mkv": (89, 640, 480, 2.93),
    "07_nasa_multistream.mp4": (325, 320, 180, 12.96),
    "08_people_preview.gif": (23, 480, 270, 1.83),
    "11_cars_hevc_main.mp4": (210, 768, 432, 16.72),
    "12_cars_hevc_main10_hlg.mp4": (70, 768, 432, 5.52),
    "13_dog_vp9_opus.webm": (180, 640, 360, 5.98),
    "14_persons_mjpeg.avi": (200, 384, 216, 19.9),
    "15_phone_portrait_rot90.mp4": (96, 360, 640, 3.96),
    "15b_phone_upside_down_rot180.mp4": (96, 640, 360, 3.96),
    "16_cars_odd_321x241_vp9.webm": (63, 321, 241, 4.96),
    "17_cars_odd_319x179_h264_444.mp4": (38, 319, 179, 2.96),
    "18_bottles_vfr.mp4": (171, 640, 360, 11.93),
    "19_cars_av1.webm": (70, 768, 432, 5.52),
    "20_dog_mpeg2_interlaced_sar.ts": (75, 720, 576, 4.92),
    "21_cars_fragmented_bframes.mp4": (210, 768, 432, 16.88),
    "22_bottles_resolution_change.ts": (120, 640, 360, 3.99),
    "23_cars_gray_ffv1.mkv": (70, 384, 216, 5.52),
    "24_juggle_60fps.mp4": (180, 640, 360, 2.98),
    "25_dog_theora.ogv": (169, 480, 270, 5.61),
    "26_one_frame.mp4": (1, 768, 432, 0.0),
    "27_cars_alpha_vp9.webm": (38, 320, 180, 2.96),
    "28_persons_mpeg4_asp.avi": (40, 320, 180, 3.9),
    "29_cars_ts_start3600s.ts": (70, 512, 288, 5.52),
}
WITH_SOUND = ("01_", "07_", "13_", "21_")


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_gives_every_frame_with_its_size_and_time(name, test_data, limits):
    num_frames, width, height, last_s = CLIPS[name]
    with open_video(test_data / "clips" / name, limits) as video:
        memory_bytes = psutil.Process(video.pid).memory_info().vms
        times = []
        for frame in video:
            assert frame.pixels.shape == (height, width, 3)
            assert frame.index == len(times)
            times.append(frame.time_s)
    info = video.info
    assert len(times) == num_frames
    assert times == sorted(set(times))
    assert times[-1] == pytest.approx(last_s, abs=0.01)
    assert (info.width, info.height) == (width, height)
    assert info.num_frames in (None, num_frames)
    assert info.has_audio == name.startswith(WITH_SOUND)
    assert (video.warning is not None) == name.startswith("22_")
    assert memory_bytes <= limits.memory_bytes


@pytest.mark.parametrize(
    "name",
    [
        "08_people_preview.gif",
        "12_cars_hevc_main10_hlg.mp4",
        "15_phone_portrait_rot90.mp4",
        "17_cars_odd_319x179_h264_444.mp4",
        "20_dog_mpeg2_interlaced_sar.ts",
    ],
)
def test_frames_are_those_that_a_client_would_stream(name, test_data, limits):
    path = test_data / "clips" / name
    with VideoReader(path, max_frames=4) as reader, open_video(path, limits) as video:
        for streamed, frame in zip(reader, video, strict=False):
            assert np.array_equal(streamed.pixels, frame.pixels)


def test_facts_beyond_size_are_reported(test_data, limits):
    clips = test_data / "clips"
    with open_video(clips / "15_phone_portrait_rot90.mp4", limits) as turned:
        assert (turned.info.rotation, turned.info.rate) == (-90, 24)
    with open_video(clips / "20_dog_mpeg2_interlaced_sar.ts", limits) as wide:
        assert (wide.info.sample_aspect, wide.info.start_s) == (Fraction(64, 45), 1.48)
    with open_video(clips / "19_cars_av1.webm", limits) as other:
        assert (other.info.codec, other.info.container) == ("av1", "matroska,webm")


def test_a_change_of_size_is_scaled_into_the_largest_and_reported(test_data, limits):
    with open_video(test_data / "clips" / "22_bottles_resolution_change.ts", limits) as video:
        sizes = {frame.pixels.shape for frame in video}
    assert sizes == {(360, 640, 3)}
    assert video.warning == "60 frames had another size than the largest and were scaled into it."
