"""Broken and malicious files end as their list says: refused with a sentence, or read so far."""

from dataclasses import replace

import psutil
import pytest

from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from support.hostile import ENDS, Reads, Refused


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
