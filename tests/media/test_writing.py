"""Annotated videos keep times, shape and colours, and what they have on the disk."""

import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from maskstream_client.errors import OutputError
from maskstream_client.video import VideoReader, VideoWriter
from maskstream_server.media.decoder import open_video
from maskstream_server.media.overlay import OverlayWriter
from support.odd_videos import RED, pictures

FILL = """
import sys
from fractions import Fraction
import numpy as np
from maskstream_client.errors import OutputError
from maskstream_client.video import VideoWriter
noise = np.random.default_rng(0)
try:
    with VideoWriter(sys.argv[1], Fraction(25)) as writer:
        for number in range(400):
            writer.write(noise.integers(0, 60, (90, 160, 3), np.uint8))
            if number == int(sys.argv[2]):
                import os, signal
                os.kill(os.getpid(), signal.SIGKILL)
except OutputError as error:
    print(error)
"""


def fill(path, *, max_bytes=resource.RLIM_INFINITY, killed_at=-1):
    """Write noise from another process until the file may not grow, or it is killed."""
    return subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(killed_at)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes)),
    )


def playable(path):
    """How many frames a player gets out of a file."""
    with VideoReader(path) as reader:
        return sum(1 for _ in reader)


def test_a_disk_that_fills_leaves_a_video_that_plays_up_to_there(tmp_path):
    path = tmp_path / "out.mp4"
    ended = fill(path, max_bytes=400_000)
    assert ended.stdout == f"{path} cannot be written: File too large.\n"
    whole = tmp_path / "whole.mp4"
    assert fill(whole).returncode == 0
    assert playable(whole) == 400
    share = path.stat().st_size / whole.stat().st_size
    assert playable(path) > 0.8 * share * 400


def test_a_process_that_is_killed_leaves_a_video_that_plays(tmp_path):
    path = tmp_path / "out.mp4"
    fill(path, killed_at=399)
    assert playable(path) >= 250


def test_a_full_disk_from_the_start_is_reported(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    writer = VideoWriter("/dev/full")
    writer.write(pictures(1)[0])
    with pytest.raises(OutputError, match=r"/dev/full cannot be written: No space left"):
        writer.close()
    writer.close()


@pytest.mark.parametrize("name", ["cam:1.mp4", "file:out.mp4", "pipe:1", "50%d.mp4", "a b?.mp4"])
def test_a_file_may_have_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with VideoWriter(name) as writer:
        writer.write(pictures(1)[0])
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert playable(name) == 1


def test_a_video_that_is_closed_in_order_has_an_index_like_any_other(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 10) as writer:
        for pixels in pictures(50):
            writer.write(pixels)
    with av.open(str(path)) as container:
        assert (container.streams.video[0].frames, container.duration) == (50, 5_000_000)
        assert container.start_time == 0


def test_frames_stand_at_their_own_times(tmp_path):
    times = [0.0, 0.1, 0.15, 5.0, 5.04]
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 10) as writer:
        for pixels, time_s in zip(pictures(5), times, strict=True):
            writer.write(pixels, time_s)
    with VideoReader(path) as reader:
        assert [frame.pts_s for frame in reader] == pytest.approx(times, abs=1e-4)


def test_a_time_that_is_not_later_comes_just_after(tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 10) as writer:
        for pixels, time_s in zip(pictures(3), (0.2, 0.2, 0.1), strict=True):
            writer.write(pixels, time_s)
    with av.open(str(path)) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert len(times) == 3
    assert times == sorted(set(times))
    assert times[-1] < 0.21


@pytest.mark.parametrize("height", [64, 720])
def test_colours_are_marked_and_those_that_players_show(height, tmp_path):
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 10, Fraction(4, 3)) as writer:
        writer.write(np.full((height, 64, 3), RED, np.uint8))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert stream.sample_aspect_ratio == Fraction(4, 3)
        marks = context.colorspace, context.color_primaries, context.color_trc, context.color_range
        assert marks == (1, 1, 1, 1)
    with VideoReader(path) as reader:
        (frame,) = reader
    assert frame.pixels[32, 32].astype(int) == pytest.approx(RED, abs=4)


def test_client_and_server_write_the_same_pictures(tmp_path, test_data):
    source = test_data / "faults" / "annotated_video" / "screen_recording_vfr.mp4"
    ours, theirs = tmp_path / "annotated.mp4", tmp_path / "overlay.mp4"
    with VideoReader(source) as reader, VideoWriter(ours, reader.rate) as writer:
        for frame in reader:
            writer.write(frame.pixels, frame.pts_s)
    with open_video(source) as video, OverlayWriter(theirs, video.info) as overlay:
        for frame in video:
            overlay.write(frame.pixels, frame.time_s)
    with VideoReader(ours) as first, VideoReader(theirs) as second:
        for one, other in zip(first, second, strict=True):
            assert one.pts_s == pytest.approx(other.pts_s, abs=1e-9)
            assert np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("aspect", [Fraction(1, 100_000), Fraction(100_000), Fraction(4096, 4095)])
def test_a_shape_of_pixels_that_cannot_be_does_not_end_a_video(aspect, tmp_path):
    with VideoWriter(tmp_path / "out.mp4", 10, aspect) as writer:
        writer.write(pictures(1)[0])
    assert playable(tmp_path / "out.mp4") == 1
