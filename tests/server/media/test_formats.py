"""One list of what is decoded: in the child, in what it says, and in the docs."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from maskstream_media.formats import CONTAINERS, DECODERS, SOUND_CODECS, VIDEO_CODECS, listed
from maskstream_server.errors import MediaError
from maskstream_server.media.decoder import open_video
from maskstream_server.media.overlay import OverlayWriter
from maskstream_server.media.soundtrack import open_sound
from support.odd_videos import pictures, write_video

RATE = 44_100
DOCS = Path(__file__).parents[3] / "docs" / "videos.md"


def with_sound(path, codec):
    """A video of ten frames with a tone."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=10)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        sound = container.add_stream(codec, rate=RATE, layout="mono")
        for number, pixels in enumerate(pictures(10)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(video.encode(frame))
        tone = (8000 * np.sin(np.arange(RATE))).astype(np.int16)
        samples = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
        samples.sample_rate, samples.pts, samples.time_base = RATE, 0, Fraction(1, RATE)
        for encoder, frame in ((sound, samples), (sound, None), (video, None)):
            container.mux(encoder.encode(frame))
    return path


def overlay_of(path, target):
    """Write the video anew with its sound; returns the warning."""
    with open_video(path) as video, open_sound(path) as sound:
        with OverlayWriter(target, video.info, sound) as overlay:
            for frame in video:
                overlay.write(frame.pixels, frame.time_s)
        return overlay.warning


@pytest.mark.parametrize("codecs", [VIDEO_CODECS, SOUND_CODECS])
def test_every_codec_of_the_list_has_a_decoder_that_may_work(codecs):
    for name in codecs:
        codec = av.Codec(name, "r")
        assert codec.canonical_name == name
        assert codec.name in {*codecs, *DECODERS}


def test_every_container_of_the_list_can_be_opened():
    known = {name for each in av.formats_available for name in each.split(",")}
    assert set(CONTAINERS) <= known


@pytest.mark.parametrize("names", [CONTAINERS, VIDEO_CODECS, SOUND_CODECS])
def test_the_docs_have_the_list(names):
    assert listed(names) in " ".join(DOCS.read_text().split())


@pytest.mark.parametrize(
    ("name", "num_frames"),
    [
        ("annexb.h264", 24),
        ("annexb.hevc", 24),
        ("camera_adpcm.avi", 24),
        ("flash_sorenson.flv", 24),
        ("h264_amr.3gp", 24),
        ("motion_png.mov", 24),
        ("windows_media.wmv", 24),
    ],
)
def test_common_formats_are_read_with_their_sound(name, num_frames, test_data, tmp_path):
    path = test_data / "faults" / "formats" / name
    assert overlay_of(path, tmp_path / "overlay.mp4") is None
    with (
        av.open(str(tmp_path / "overlay.mp4")) as written,
        av.open(str(path)) as source,
    ):
        assert written.streams.video[0].frames == num_frames
        assert bool(written.streams.audio) == bool(source.streams.audio)


@pytest.mark.parametrize("codec", ["adpcm_ima_wav", "adpcm_ms", "pcm_s16le", "mp2", "ac3"])
def test_sound_of_the_list_is_heard(codec, tmp_path):
    path = with_sound(tmp_path / "clip.avi", codec)
    assert overlay_of(path, tmp_path / "overlay.mp4") is None
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        loudness = [np.abs(frame.to_ndarray()).max() for frame in container.decode(audio=0)]
    assert max(loudness) > 0.1


def test_sound_of_another_codec_is_left_out_and_named(tmp_path):
    path = with_sound(tmp_path / "clip.avi", "adpcm_yamaha")
    assert overlay_of(path, tmp_path / "overlay.mp4") == (
        "The sound is left out. The codec (adpcm_yamaha) is not decoded here: "
        f"{listed(SOUND_CODECS)} are."
    )
    with av.open(str(tmp_path / "overlay.mp4")) as container:
        assert (container.streams.video[0].frames, len(container.streams.audio)) == (10, 0)


def test_sound_of_which_nothing_decodes_is_named(tmp_path):
    path = with_sound(tmp_path / "clip.avi", "mp2")
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    data = path.read_bytes()
    for packet in packets:
        data = data.replace(packet, bytes(len(packet)))
    path.write_bytes(data)
    warning = "The sound is left out. None of it can be decoded."
    assert overlay_of(path, tmp_path / "overlay.mp4") == warning


def test_pictures_of_another_codec_are_refused_and_the_list_is_given(tmp_path):
    path = write_video(tmp_path / "clip.avi", pictures(2, 64, 64), "cinepak")
    with pytest.raises(MediaError) as caught:
        open_video(path)
    assert caught.value.message == (
        f"The codec (cinepak) is not decoded here: {listed(VIDEO_CODECS)} are."
    )
