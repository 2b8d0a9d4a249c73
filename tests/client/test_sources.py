"""Everything that a stream can be made of: pipes, devices, pictures, names of every form."""

import logging
import os
import subprocess
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from client.clips import numbered_frames, write_clip
from maskstream_client.errors import SourceError
from maskstream_client.pipes import Pipe
from maskstream_client.sources import open_frames, open_frames_async, open_reader

FRAMES = numbered_frames(5)


def greys(source):
    """What each frame says of its number."""
    return [round((frame.pixels[30, 40].mean() - 20) / 10) for frame in open_frames(source)]


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mkv", FRAMES)


@pytest.fixture
def shots(tmp_path):
    """Pictures 8 to 12 in a folder with other things."""
    folder = tmp_path / "shots"
    folder.mkdir()
    for number, pixels in zip(range(8, 13), FRAMES, strict=True):
        Image.fromarray(pixels).save(folder / f"shot_{number}.png")
    (folder / "readme.txt").write_text("Shots.")
    (folder / "shot_0.png").mkdir()
    return folder


def fed(fifo, clip):
    """A thread that writes a file into a FIFO, as far as somebody reads it."""

    def feed():
        with suppress(BrokenPipeError):
            fifo.write_bytes(clip.read_bytes())

    os.mkfifo(fifo)
    thread = threading.Thread(target=feed)
    thread.start()
    return thread


def test_a_fifo_is_read_like_a_file(tmp_path, clip):
    fifo = tmp_path / "fifo"
    writer = fed(fifo, clip)
    with open_reader(str(fifo)) as reader:
        assert (reader.name, reader.is_live) == (str(fifo), True)
        assert greys(reader) == [0, 1, 2, 3, 4]
    writer.join()


COUNT = "from maskstream_client.sources import open_frames; print(len(list(open_frames('-'))))"


def test_a_dash_is_standard_input(clip):
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, input=clip.read_bytes(), capture_output=True, check=True)
    assert done.stdout == b"5\n"


def test_a_terminal_is_no_video():
    master, terminal = os.openpty()
    command = [sys.executable, "-c", COUNT]
    done = subprocess.run(command, stdin=terminal, capture_output=True, text=True)
    os.close(master)
    os.close(terminal)
    assert "SourceError: - reads a video from standard input, which is a terminal" in done.stderr


def test_a_pipe_that_is_stopped_does_not_wait_for_its_silent_writer():
    reading, writing = os.pipe()
    pipe = Pipe(reading, owned=True)
    timer = threading.Timer(0.3, pipe.stop)
    timer.start()
    assert pipe.read(10) == b""
    timer.join()
    pipe.close()
    pipe.close()
    os.close(writing)


def test_a_piped_mp4_whose_index_is_at_its_end_is_reported_what_helps(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (12, 240, 320, 3), np.uint8)
    fifo, clip = tmp_path / "fifo", write_clip(tmp_path / "clip.mp4", noise)
    assert clip.stat().st_size > 200_000  # more than is kept to go back in
    writer = fed(fifo, clip)
    with pytest.raises(SourceError, match="faststart"):
        greys(str(fifo))
    writer.join()


@pytest.mark.skipif(sys.platform != "linux", reason="cameras have a path on Linux alone")
def test_a_device_path_is_opened_as_a_camera():
    with pytest.raises(SourceError, match=r"^/dev/null is no video that can be opened"):
        open_reader("/dev/null")


def test_file_names_may_have_a_scheme_a_colon_or_a_percent_sign(tmp_path, clip, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip.rename("12:30 at 100%d.mkv")
    for name in (
        "12:30 at 100%d.mkv",
        "file:12:30 at 100%d.mkv",
        f"file://{tmp_path}/12%3A30%20at%20100%25d.mkv",
        f"file:{tmp_path}/12:30 at 100%d.mkv",
    ):
        assert greys(name) == [0, 1, 2, 3, 4]


def test_a_folder_of_pictures_is_a_video_in_the_order_of_its_numbers(shots):
    with open_reader(str(shots)) as reader:
        assert (reader.is_live, reader.num_frames, reader.rate) == (False, 5, 25)
        frames = list(reader)
    assert [frame.pts_s for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert greys(shots) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("shot_*.png", [0, 1, 2, 3, 4]),
        ("shot_?.png", [0, 1]),
        ("shot_1[01].*", [2, 3]),
        ("shot_%d.png", [0, 1, 2, 3, 4]),
        ("shot_%02d.png", [2, 3, 4]),
    ],
)
def test_a_pattern_names_pictures(shots, pattern, numbers):
    assert greys(f"{shots}/{pattern}") == numbers
    assert greys(f"file:{shots}/{pattern}") == numbers


def test_a_folder_or_pattern_without_a_picture_is_reported(tmp_path, shots):
    for source in (tmp_path, f"{shots}/*.jpg", f"{tmp_path}/none/%d.png"):
        with pytest.raises(SourceError, match=r"^There is no picture in .*\.jpeg"):
            open_reader(source)


def test_a_name_with_brackets_that_nothing_has_is_a_missing_file_as_well(tmp_path):
    with pytest.raises(SourceError, match=r"nor a file of that name\.$"):
        open_reader(tmp_path / "clip [720p].mp4")


def test_a_picture_that_cannot_be_read_is_left_out_and_logged(shots, caplog):
    (shots / "shot_9.png").write_bytes(b"no picture")
    cut = (shots / "shot_10.png").read_bytes()[:-40]
    (shots / "shot_10.png").write_bytes(cut)
    with caplog.at_level(logging.WARNING):
        assert greys(shots) == [0, 3, 4]
    assert [record.message.partition(" is left out")[0] for record in caplog.records] == [
        str(shots / "shot_9.png"),
        str(shots / "shot_10.png"),
    ]
    with pytest.raises(SourceError, match="No picture"):
        greys(f"{shots}/shot_9.png*")


def test_pictures_are_turned_upright_and_may_end_early(tmp_path):
    picture = Image.fromarray(FRAMES[0])
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "1.jpg", exif=exif)
    Image.fromarray(FRAMES[1][..., 0]).save(tmp_path / "2.png")
    with open_reader(tmp_path, max_frames=1) as reader:
        (frame,) = reader
    assert frame.pixels.shape == (64, 48, 3)
    with open_reader(tmp_path) as reader:
        frames = iter(reader)
        next(frames)
        assert next(frames).pixels.shape == (48, 64, 3)
        reader.stop()
        assert list(frames) == []


async def test_arrays_may_come_asynchronously():
    async def arrays():
        for pixels in FRAMES:
            yield pixels

    came = [frame.pixels async for frame in open_frames_async(arrays())]
    assert np.array_equal(came, FRAMES)
