"""Reading and writing videos, on clips made in code."""

import threading
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from client.clips import numbered_frames, read_all, write_clip
from maskstream_client.errors import OutputError, SourceError
from maskstream_client.newest import newest
from maskstream_client.sources import open_frames
from maskstream_client.video import VideoReader, VideoWriter


def test_every_frame_of_a_file_is_read_with_its_time(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(7), fps=10)
    with VideoReader(path) as reader:
        frames = list(reader)
        assert (reader.rate, reader.num_frames, reader.is_live) == (10, 7, False)
    assert [frame.pts_s for frame in frames] == pytest.approx([index / 10 for index in range(7)])
    greys = [frame.pixels[30, 40].mean() for frame in frames]
    assert greys == pytest.approx([20 + 10 * index for index in range(7)], abs=4)


@pytest.mark.parametrize(
    ("rotation", "size", "white"),
    [(90, (64, 48), (-1, 0)), (-90, (64, 48), (0, -1)), (180, (48, 64), (-1, -1))],
)
def test_a_turned_video_is_set_upright(tmp_path, rotation, size, white):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(1), rotation=rotation)
    with VideoReader(path) as reader:
        (frame,) = reader
    assert frame.pixels.shape[:2] == size
    assert frame.pixels[white].mean() > 230


def test_times_never_go_back(tmp_path):
    path = write_clip(tmp_path / "clip.ts", numbered_frames(8), codec="mpeg2video", fps=25)
    path.write_bytes(2 * path.read_bytes())
    with VideoReader(path) as reader:
        times = [frame.pts_s for frame in reader]
    assert len(times) > 8
    assert times == sorted(times)


def test_reading_may_end_early(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(5))
    with VideoReader(path, max_frames=2) as reader:
        assert len(list(reader)) == 2


def test_a_reader_that_is_stopped_gives_no_more_frames(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(5))
    with VideoReader(path) as reader:
        frames = iter(reader)
        next(frames)
        reader.stop()
        assert list(frames) == []


DEVICES = [
    av.DeviceInfo(name, f"a {kind} device", False, [kind])
    for name, kind in (("front", "video"), ("microphone", "audio"), ("back", "video"))
]


@pytest.mark.parametrize(
    ("platform", "format_name", "address"),
    [
        ("linux", "v4l2", "/dev/video1"),
        ("darwin", "avfoundation", "1"),
        ("win32", "dshow", "video=back"),
    ],
)
def test_a_number_is_a_camera(tmp_path, monkeypatch, platform, format_name, address):
    path, opened = write_clip(tmp_path / "clip.mp4", numbered_frames(3)), []

    def plug_in(*args, **options):
        opened.append((args, options))
        return av_open(str(path))

    av_open = av.open
    monkeypatch.setattr(av, "open", plug_in)
    monkeypatch.setattr(av, "enumerate_input_devices", lambda form: DEVICES)
    monkeypatch.setattr("sys.platform", platform)
    with VideoReader(1) as reader:
        assert (reader.name, reader.is_live, len(list(reader))) == ("camera 1", True, 3)
    assert opened == [((address,), {"format": format_name})]


def test_a_number_that_windows_has_no_camera_for_is_reported(monkeypatch):
    monkeypatch.setattr(av, "enumerate_input_devices", lambda form: DEVICES)
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(SourceError, match=r"^camera 2 is not there; Windows lists 2\.$"):
        VideoReader(2)


def test_a_camera_that_is_not_there_is_reported():
    with pytest.raises(SourceError, match=r"^camera 98 "):
        VideoReader(98)


def test_a_file_cut_short_gives_the_frames_it_has(tmp_path):
    path = write_clip(tmp_path / "clip.ts", numbered_frames(20), codec="mpeg2video", fps=25)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with VideoReader(path) as reader:
        assert 1 <= len(list(reader)) < 20


def test_a_file_that_is_no_video_is_reported_in_one_sentence(tmp_path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader, this is no video.")
    with pytest.raises(SourceError, match=r"letter\.mp4 is no video that can be opened: .*\.$"):
        VideoReader(path)


def test_an_empty_file_is_reported(tmp_path):
    path = tmp_path / "clip.mp4"
    path.touch()
    with pytest.raises(SourceError, match=r"clip\.mp4 is empty\.$"):
        VideoReader(path)


def test_a_file_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(SourceError, match=r"^There is no file .*nowhere\.mp4\.$"):
        VideoReader(tmp_path / "nowhere.mp4")


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(1600))
    with pytest.raises(SourceError, match="has no video in it"):
        VideoReader(path)


def test_a_video_without_a_frame_that_decodes_is_reported(tmp_path):
    path = write_clip(tmp_path / "clip.avi", numbered_frames(3), codec="mjpeg")
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    broken = path.read_bytes()
    for packet in packets:
        broken = broken.replace(packet, bytes(len(packet)))
    path.write_bytes(broken)
    with VideoReader(path) as reader, pytest.raises(SourceError, match="No frame"):
        list(reader)


def test_a_playlist_leads_nowhere_else(tmp_path):
    write_clip(tmp_path / "clip.mp4", numbered_frames(1))
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/clip.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(SourceError), VideoReader(path) as reader:
        list(reader)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (47, 63), (1, 1), (2, 31)])
def test_every_frame_is_written_whatever_its_size(tmp_path, height, width):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, Fraction(25, 2)) as writer:
        for frame in numbered_frames(6, height, width):
            writer.write(frame)
    frames = read_all(path)
    assert len(frames) == 6
    assert frames[0].shape[:2] == (height + height % 2, width + width % 2)
    assert [frame[-1, -1].mean() for frame in frames] == pytest.approx(
        [frame[-1, -1].mean() for frame in numbered_frames(6, height, width)], abs=6
    )
    with VideoReader(path) as reader:
        assert reader.rate == Fraction(25, 2)


def test_frames_that_change_their_size_stay_in_the_first_ones_picture(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path) as writer:
        for size in ((48, 64), (96, 128), (20, 30)):
            writer.write(np.full((*size, 3), 90, np.uint8))
    assert [frame.shape[:2] for frame in read_all(path)] == [(48, 64)] * 3


def test_a_video_of_no_frame_leaves_no_file(tmp_path):
    VideoWriter(tmp_path / "out.mp4").close()
    assert not (tmp_path / "out.mp4").exists()


def test_a_place_that_cannot_be_written_is_reported(tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        VideoWriter(tmp_path / "no" / "folder" / "out.mp4")


def test_arrays_are_a_source_too():
    arrays = numbered_frames(3)
    frames = list(open_frames(arrays))
    assert [frame.pts_s for frame in frames] == [None] * 3
    assert all(frame.pixels is array for frame, array in zip(frames, arrays, strict=True))


def test_newest_skips_what_came_while_the_taker_was_busy():
    first_taken, all_given = threading.Event(), threading.Event()

    def items():
        yield 1
        first_taken.wait(60)
        yield from (2, 3, 4)
        all_given.set()

    taken = []
    for item in newest(items()):
        taken.append(item)
        first_taken.set()
        all_given.wait(60)
    assert (taken[0], taken[-1]) == (1, 4)
    assert len(taken) < 4


def test_an_error_of_a_live_source_reaches_the_taker():
    def items():
        yield 1
        raise SourceError("The camera is gone.")

    with pytest.raises(SourceError, match="gone"):
        list(newest(items()))
