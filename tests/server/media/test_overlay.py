"""Annotated videos keep the source's times, size and sound."""

from fractions import Fraction

import av
import numpy as np
import pytest

from client.clips import numbered_frames
from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from maskstream_server.media.messages import SOUND_RATE, SourceInfo
from maskstream_server.media.overlay import OverlayWriter
from maskstream_server.media.sound_writer import continuous
from maskstream_server.media.soundtrack import SoundPiece, open_sound
from support.tiny import tiny_frames


def info_of(height=48, width=64, rate=10, aspect=Fraction(1)):
    return SourceInfo(
        width=width,
        height=height,
        rotation=0,
        rate=Fraction(rate),
        sample_aspect=aspect,
        start_s=0.0,
        duration_s=None,
        num_frames=None,
        has_audio=False,
        codec="h264",
        container="mov",
    )


def beep(first, last):
    """A tone of 500 Hz from one tenth of a second to another, in pieces of one."""
    phase = np.arange(SOUND_RATE // 10) * (2 * np.pi * 500 / SOUND_RATE)
    tone = np.stack(2 * [12_000 * np.sin(phase)], 1).astype(np.int16)
    return [SoundPiece(tenth / 10, tone) for tenth in range(first, last)]


def write_overlay(path, frames, times, info=None, sound=()):
    with OverlayWriter(path, info or info_of(*frames[0].shape[:2]), sound) as overlay:
        for pixels, time_s in zip(frames, times, strict=True):
            overlay.write(pixels, time_s)
    return overlay


def read_back(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return [frame.time for frame in frames], [f.to_ndarray(format="rgb24") for f in frames]


def loudness(path, hop_s=0.05):
    """Mean amplitude of the sound in steps of `hop_s`."""
    with av.open(str(path)) as container:
        pieces = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = np.concatenate(pieces)
    hop = round(hop_s * SOUND_RATE)
    return np.abs(samples[: len(samples) // hop * hop].reshape(-1, hop)).mean(1)


def test_frames_keep_their_irregular_times(tmp_path):
    times = [0.0, 0.1, 0.15, 0.9, 2.0]
    write_overlay(tmp_path / "overlay.mp4", numbered_frames(5), times)
    read_times, frames = read_back(tmp_path / "overlay.mp4")
    assert read_times == pytest.approx(times, abs=1e-4)
    greys = [frame[30, 40].mean() for frame in frames]
    assert greys == pytest.approx([20 + 10 * index for index in range(5)], abs=5)


def test_the_codec_the_shape_of_pixels_and_the_rate_are_kept(tmp_path):
    info = info_of(rate=Fraction(30_000, 1001), aspect=Fraction(64, 45))
    times = [index * 1001 / 30_000 for index in range(10)]
    write_overlay(tmp_path / "overlay.mp4", numbered_frames(10), times, info)
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert (stream.sample_aspect_ratio, stream.frames) == (Fraction(64, 45), 10)
        assert stream.average_rate == Fraction(30_000, 1001)
        assert container.streams.audio == ()


@pytest.mark.parametrize("size", [(1, 1), (5, 8), (8, 5), (47, 63)])
def test_odd_sizes_are_continued_at_the_edge(tmp_path, size):
    pixels = np.full((*size, 3), 200, np.uint8)
    write_overlay(tmp_path / "overlay.mp4", [pixels], [0.0])
    _, (frame,) = read_back(tmp_path / "overlay.mp4")
    assert frame.shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    assert frame == pytest.approx(200, abs=5)


def test_colours_stay(tmp_path):
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:, :32] = (220, 40, 30)
    pixels[:, 32:] = (30, 60, 210)
    write_overlay(tmp_path / "overlay.mp4", [pixels], [0.0])
    _, (frame,) = read_back(tmp_path / "overlay.mp4")
    assert frame[32, 8] == pytest.approx(pixels[32, 8], abs=6)
    assert frame[32, 56] == pytest.approx(pixels[32, 56], abs=6)


def test_sound_is_heard_when_the_source_has_it(tmp_path):
    path = tmp_path / "overlay.mp4"
    times = [index / 10 for index in range(20)]
    overlay = write_overlay(path, numbered_frames(20), times, sound=beep(5, 10) + beep(15, 99))
    heard = loudness(path) > 0.05
    assert overlay.warning is None
    assert not heard[:9].any()
    assert heard[11:19].all()
    assert not heard[22:29].any()
    assert heard[31:39].all()
    assert len(heard) <= 42  # the rest of the sound has no picture


def test_sound_that_breaks_off_leaves_the_pictures_whole(tmp_path):
    def broken():
        yield from beep(0, 2)
        raise MediaError(MediaCode.DECODER_FAILED, "broken")

    times = [index / 10 for index in range(10)]
    overlay = write_overlay(tmp_path / "o.mp4", numbered_frames(10), times, sound=broken())
    assert overlay.warning == "The sound could not be read to its end."
    assert len(read_back(tmp_path / "o.mp4")[0]) == 10


def test_the_index_stands_before_the_frames(tmp_path):
    write_overlay(tmp_path / "overlay.mp4", numbered_frames(3), [0.0, 0.1, 0.2])
    data = (tmp_path / "overlay.mp4").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "overlay.mp4"
    path.write_bytes(b"older")
    with pytest.raises(ValueError, match=r"a frame \(5, 5, 3\) in a video of"):
        write_overlay(path, [numbered_frames(1)[0], np.zeros((5, 5, 3), np.uint8)], [0.0, 0.1])
    with pytest.raises(ValueError, match="no frame"), OverlayWriter(path, info_of()):
        pass
    assert path.read_bytes() == b"older"
    with OverlayWriter(path, info_of()) as overlay:
        overlay.write(numbered_frames(1)[0], 0.0)
        assert path.read_bytes() == b"older"
    assert path.read_bytes() != b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_gaps_in_sound_are_silence_and_overlaps_are_cut():
    second = SOUND_RATE
    tone = np.full((second, 2), 7, np.int16)
    pieces = [SoundPiece(0.5, tone), SoundPiece(1.51, tone), SoundPiece(2.0, tone)]
    sound = np.concatenate(list(continuous(pieces)))
    assert (sound[: second // 2] == 0).all()
    assert (sound[second // 2 :] == 7).all()
    assert len(sound) == 3 * second


def test_hours_of_silence_come_a_second_at_a_time():
    pieces = continuous([SoundPiece(36_000.0, np.ones((1, 2), np.int16))])
    assert [len(next(pieces)) for _ in range(3)] == 3 * [SOUND_RATE]


@pytest.mark.parametrize("name", ["13_dog_vp9_opus.webm", "15_phone_portrait_rot90.mp4"])
def test_a_real_clip_keeps_its_frames_times_and_sound(name, test_data, tmp_path, limits):
    source, path = test_data / "clips" / name, tmp_path / "overlay.mp4"
    times = []
    with (
        open_video(source, limits) as video,
        open_sound(source, limits) as sound,
        OverlayWriter(path, video.info, sound) as overlay,
    ):
        for frame in video:
            overlay.write(frame.pixels, frame.time_s)
            times.append(frame.time_s)
    with open_video(path, limits) as copy:
        assert (copy.info.width, copy.info.height) == (video.info.width, video.info.height)
        assert copy.info.has_audio == video.info.has_audio
        shift = copy.info.start_s - video.info.start_s
        assert [frame.time_s + shift for frame in copy] == pytest.approx(times, abs=1e-3)
    assert overlay.warning is None


def test_sound_of_a_clip_is_all_there(test_data, limits):
    with open_sound(test_data / "clips" / "01_cars_enter_leave_h264_aac.mp4", limits) as sound:
        num_samples = sum(len(piece.samples) for piece in sound)
    assert num_samples / SOUND_RATE == pytest.approx(30.2, abs=0.1)


@pytest.mark.parametrize("name", ["zip_as.mp4", "hls_loopback.m3u8", "session.sdp"])
def test_sound_of_a_hostile_file_is_refused(name, test_data, limits):
    with (
        open_sound(test_data / "hostile" / name, limits) as sound,
        pytest.raises(MediaError, match="no video that can be read"),
    ):
        list(sound)


def test_a_clip_without_sound_has_none(test_data, limits):
    with open_sound(test_data / "clips" / "26_one_frame.mp4", limits) as sound:
        assert list(sound) == []


def test_the_same_frames_give_the_same_bytes_every_time(tmp_path):
    frames = tiny_frames(30, seed=3)
    written = set()
    for attempt in range(60):
        path = tmp_path / f"{attempt}.mp4"
        with OverlayWriter(path, info_of(*frames[0].shape[:2])) as overlay:
            for index, frame in enumerate(frames):
                overlay.write(frame, index / 10)
        written.add(path.read_bytes())
    assert len(written) == 1
