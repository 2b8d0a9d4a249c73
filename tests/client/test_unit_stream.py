"""Frames of a source as units: passed on, or encoded with key frames often enough."""

from pathlib import Path

import av
import numpy as np
import pytest

from maskstream_client.pictures import Picture
from maskstream_client.unit_stream import KEY_EVERY_S, UnitStream
from maskstream_client.video import VideoFrame, VideoReader
from maskstream_media.unit_decoder import UnitDecoder
from support.odd_videos import pictures, write_video
from support.units import moving

LOW_DELAY = {"g": "20", "bf": "0", "tune": "zerolatency", "sc_threshold": "0"}


def units_of(path: Path, codec: str = "h264") -> list[VideoFrame]:
    with VideoReader(path, units=codec) as reader:
        return list(reader)


def decoded(codec: str, units: list[Picture]) -> list[np.ndarray]:
    """What a server sees."""
    decoder = UnitDecoder(1 << 30, 1 << 30)
    decoder.begin(codec)
    frames = [decoder.decode(unit.payload) for unit in units]
    sizes = [(frame.height, frame.width, 3) for frame in frames]
    return [
        np.frombuffer(decoder.rgb(frame), np.uint8).reshape(size)
        for frame, size in zip(frames, sizes, strict=True)
    ]


def stream(codec: str, frames: list[VideoFrame], needs_key: tuple[int, ...] = ()) -> list[Picture]:
    units = UnitStream(codec, 90, lambda: 0.0)
    found = [units.picture(frame, number in needs_key) for number, frame in enumerate(frames)]
    units.close()
    return found


def keys(units: list[Picture]) -> list[int]:
    return [number for number, unit in enumerate(units) if unit.key_frame]


def test_a_key_frame_comes_every_two_seconds_of_the_source():
    frames = [VideoFrame(each, number / 5) for number, each in enumerate(moving(31))]
    assert KEY_EVERY_S == 2.0
    assert keys(stream("vp8", frames)) == [0, 10, 20, 30]


def test_frames_without_a_time_go_by_the_clock():
    now_s = iter([0.0, 1.0, 1.9, 2.5, 3.0])
    units = UnitStream("vp8", 90, lambda: next(now_s))
    found = [units.picture(VideoFrame(each), False) for each in moving(5)]
    units.close()
    assert keys(found) == [0, 3]


def test_a_key_frame_comes_where_one_is_needed():
    frames = [VideoFrame(each, number / 25) for number, each in enumerate(moving(8))]
    assert keys(stream("h264", frames, needs_key=(3,))) == [0, 3]


def test_another_size_begins_with_a_key_frame():
    frames = [VideoFrame(each, 0.0) for each in (*moving(2), *moving(2, 32, 32))]
    units = stream("vp9", frames)
    assert keys(units) == [0, 2]
    assert [(unit.height, unit.width) for unit in units] == [(48, 64)] * 2 + [(32, 32)] * 2


@pytest.mark.parametrize(
    ("name", "encoder", "codec", "options"),
    [
        ("clip.mp4", "libx264", "h264", LOW_DELAY),
        ("clip.ts", "libx264", "h264", LOW_DELAY),
        ("clip.mkv", "libx265", "hevc", {"x265-params": "bframes=0:keyint=20:log-level=none"}),
        ("clip.webm", "libvpx", "vp8", {"lag-in-frames": "0", "auto-alt-ref": "0", "g": "20"}),
        ("clip.webm", "libvpx-vp9", "vp9", {"lag-in-frames": "0", "g": "20"}),
    ],
)
def test_units_of_a_file_are_passed_on_and_decode_to_its_frames(
    tmp_path: Path, name: str, encoder: str, codec: str, options: dict[str, str]
):
    path = write_video(tmp_path / name, pictures(12), encoder, options=options)
    frames = units_of(path, codec)
    assert all(frame.unit is not None for frame in frames)
    units = stream(codec, frames)
    assert [unit.payload for unit in units] == [frame.unit.payload for frame in frames]
    for seen, frame in zip(decoded(codec, units), frames, strict=True):
        assert np.array_equal(seen, frame.pixels)


def test_a_file_of_another_codec_is_encoded(tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", pictures(4), "libx264", options=LOW_DELAY)
    frames = units_of(path, "vp9")
    assert [frame.unit for frame in frames] == [None] * 4
    assert len(decoded("vp9", stream("vp9", frames))) == 4


def test_a_file_that_reorders_its_pictures_is_encoded(tmp_path: Path):
    options = {"g": "20", "bf": "2"}
    path = write_video(tmp_path / "clip.mp4", pictures(9), "libx264", options=options)
    frames = units_of(path)
    assert [frame.unit for frame in frames] == [None] * 9
    seen = decoded("h264", stream("h264", frames))
    for picture, frame in zip(seen, frames, strict=True):
        assert np.abs(picture.astype(int) - frame.pixels).mean() < 12


def test_a_file_with_few_key_frames_is_passed_on_for_two_seconds_behind_each(tmp_path: Path):
    options = {**LOW_DELAY, "g": "30", "keyint_min": "30"}
    path = write_video(tmp_path / "clip.mp4", pictures(40), "libx264", options=options)
    frames = units_of(path)
    units = stream("h264", frames)
    passed = [unit.payload == frame.unit.payload for unit, frame in zip(units, frames, strict=True)]
    assert passed == [True] * 20 + [False] * 10 + [True] * 10
    assert keys(units) == [0, 20, 30]
    assert len(decoded("h264", units)) == 40


def test_behind_a_key_frame_that_is_needed_units_are_encoded_up_to_the_next(tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", pictures(25), "libx264", options=LOW_DELAY)
    frames = units_of(path)
    units = stream("h264", frames, needs_key=(5,))
    passed = [unit.payload == frame.unit.payload for unit, frame in zip(units, frames, strict=True)]
    assert passed == [True] * 5 + [False] * 15 + [True] * 5
    assert keys(units) == [0, 5, 20]
    assert len(decoded("h264", units)) == 25


def test_frames_that_are_shown_turned_are_encoded_upright(tmp_path: Path):
    path = write_video(
        tmp_path / "clip.mp4", pictures(3), "libx264", options=LOW_DELAY, matrix=(0, 1, -1, 0)
    )
    frames = units_of(path)
    assert [frame.unit for frame in frames] == [None] * 3
    assert {each.shape for each in decoded("h264", stream("h264", frames))} == {(64, 48, 3)}


def test_real_clips_are_passed_on_as_far_as_they_can_be(test_data: Path):
    passed = {}
    for name, codec in (
        ("01_cars_enter_leave_h264_aac.mp4", "h264"),
        ("13_dog_vp9_opus.webm", "vp9"),
        ("19_cars_av1.webm", "av1"),
        ("16_cars_odd_321x241_vp9.webm", "vp9"),
        ("11_cars_hevc_main.mp4", "hevc"),
    ):
        with VideoReader(test_data / "clips" / name, max_frames=20, units=codec) as reader:
            passed[name[:2]] = [frame.unit is not None for frame in reader]
    assert passed.pop("11") == [False] * 20  # it has B-frames
    assert all(all(each) for each in passed.values()), passed


def test_a_codec_that_is_not_built_in_is_named(monkeypatch):
    monkeypatch.setattr(av, "codecs_available", set())
    with pytest.raises(ValueError, match="av1 cannot be encoded here"):
        UnitStream("av1", 90, lambda: 0.0)


def test_a_size_that_an_encoder_does_not_take_is_named():
    with pytest.raises(ValueError, match="does not encode pictures of 16390x16"):
        stream("h264", [VideoFrame(moving(1, 16, 16390)[0], 0.0)])
