"""Reading a video from its child process, on clips made in code."""

import errno
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import psutil
import pytest

from client.clips import numbered_frames, write_clip
from maskstream_media.refusal import MediaCode
from maskstream_server.errors import MediaError
from maskstream_server.media.child_process import child_environment
from maskstream_server.media.confinement import Alarm
from maskstream_server.media.decoder import open_video
from maskstream_server.media.messages import HEADER, MessageKind
from maskstream_server.media.outlet import Outlet
from maskstream_server.media.precedence import NICENESS


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", numbered_frames(12), fps=10)


@pytest.fixture
def long_clip(tmp_path):
    """More than the pipe holds, so that the child still lives when its first frame is read."""
    return write_clip(tmp_path / "long.mp4", numbered_frames(20, 360, 640))


def run(program, *arguments):
    """What a Python program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True,
        check=True,
        env=environment(),
    )
    return done.stdout.split()


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def greys(video):
    return [float(frame.pixels[30, 40].mean()) for frame in video]


def expected_greys(indices):
    return pytest.approx([20 + 10 * index for index in indices], abs=5)


def test_frames_come_in_order_with_their_times(clip):
    with open_video(clip) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time_s for frame in frames] == pytest.approx([k / 10 for k in range(12)])
    assert greys(frames) == expected_greys(range(12))
    assert video.warning is None


@pytest.mark.parametrize("skip", [0, 1, 7, 12, 99])
def test_a_video_continues_where_it_was_left(clip, skip):
    with open_video(clip, skip=skip) as video:
        frames = list(video)
    assert [frame.index for frame in frames] == list(range(skip, 12))
    assert greys(frames) == expected_greys(range(skip, 12))


def test_a_stride_takes_every_frame_whose_index_it_divides(clip):
    with open_video(clip, skip=4, stride=3) as video:
        assert [frame.index for frame in video] == [6, 9]


@pytest.mark.parametrize(
    ("rotation", "size", "white"),
    [(90, (64, 48), (-1, 0)), (-90, (64, 48), (0, -1)), (180, (48, 64), (-1, -1))],
)
def test_a_turned_video_stands_upright(tmp_path, rotation, size, white):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(1), rotation=rotation)
    with open_video(path) as video:
        (frame,) = video
    assert (video.info.height, video.info.width) == frame.pixels.shape[:2] == size
    assert frame.pixels[white].mean() > 230


def test_frames_are_memory_of_their_own(clip):
    with open_video(clip) as video:
        first, second, *_ = video
    before = second.pixels.copy()
    first.pixels[:] = 0
    assert first.pixels.flags.c_contiguous
    assert np.array_equal(second.pixels, before)


def test_a_file_that_is_not_there_is_the_callers_fault(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_video(tmp_path / "none.mp4")


def test_a_list_of_files_opens_none_of_them(tmp_path, clip):
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile {clip.name}\n")
    with pytest.raises(MediaError, match="no video that can be read"):
        open_video(playlist)


def test_the_child_knows_no_secrets_and_no_names(long_clip, monkeypatch):
    monkeypatch.setenv("MASKSTREAM_API_KEYS", "secret")
    with open_video(long_clip) as video:
        child = psutil.Process(video.pid)
        assert not any(name.startswith("MASKSTREAM") for name in child.environ())
        assert long_clip.name not in " ".join(child.cmdline())
        assert child.cwd() == "/"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere its priority stays")
def test_the_child_leaves_the_cores_to_others(long_clip):
    with open_video(long_clip) as video:
        assert psutil.Process(video.pid).nice() == max(NICENESS, os.nice(0))


def test_closing_ends_a_child_in_the_middle_of_its_work(long_clip):
    with open_video(long_clip) as video:
        next(iter(video))
        child = psutil.Process(video.pid)
        assert child.is_running()
    assert not psutil.pid_exists(child.pid)


def test_stopping_ends_the_iteration_of_another_thread(long_clip):
    with open_video(long_clip) as video:
        frames = iter(video)
        next(frames)
        threading.Thread(target=video.stop).start()
        with pytest.raises(MediaError) as caught:
            list(frames)
    assert caught.value.code is MediaCode.STOPPED


def test_a_child_that_is_killed_ends_in_a_sentence(long_clip):
    with open_video(long_clip) as video:
        frames = iter(video)
        next(frames)
        os.kill(video.pid, signal.SIGKILL)
        with pytest.raises(MediaError, match="The decoder broke off") as caught:
            list(frames)
    assert (caught.value.code, caught.value.http_status) == (MediaCode.DECODER_FAILED, 422)


@pytest.mark.parametrize(
    ("work", "ended_by"), [("while True: pass", signal.SIGPROF), ("time.sleep(1)", 0)]
)
def test_an_alarm_ends_what_computes_too_long_and_not_what_waits_for_a_core(work, ended_by):
    confinement = "from maskstream_server.media.confinement import Alarm"
    program = f"import time; {confinement}; Alarm(0.2).set()\n{work}"
    ended = subprocess.run([sys.executable, "-c", program], env=child_environment(), timeout=60)
    assert -ended.returncode == ended_by


def test_a_child_without_a_frame_in_time_is_killed(clip, limits):
    with pytest.raises(MediaError, match=r"within 0\.0001 seconds") as caught:
        open_video(clip, replace(limits, stall_s=0.0001))
    assert caught.value.code is MediaCode.TOO_SLOW


def test_the_alarm_counts_only_while_the_decoder_works():
    reader, writer = os.pipe()
    calls = []

    class Recorded(Alarm):
        def set(self):
            calls.append(("set", len(os.read(reader, 100)) if calls else 0))

        def off(self):
            calls.append(("off", 0))

    Outlet(writer, Recorded(1.0)).send(MessageKind.END, b"null")
    assert calls == [("set", 0), ("off", 0), ("set", HEADER.size + 4)]
    os.close(reader)
    os.close(writer)


def test_a_child_does_not_outlive_its_parent(long_clip):
    program = (
        "import sys, time\n"
        "from maskstream_server.media.decoder import open_video\n"
        "video = open_video(sys.argv[1])\n"
        "print(video.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(long_clip)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(timeout=60)
    assert not child.is_running()


def test_the_child_imports_neither_torch_nor_numpy():
    program = (
        "import sys, maskstream_server.media.child\n"
        "print({'torch', 'numpy', 'structlog', 'pydantic'} & set(sys.modules))"
    )
    assert run(program) == [b"set()"]


def test_a_confined_process_opens_no_file_and_no_socket(tmp_path):
    program = (
        "import socket, sys\n"
        "from maskstream_server.media.confinement import confine\n"
        "confine(2 << 30)\n"
        "for attempt in (lambda: open(sys.argv[1]), lambda: socket.socket()):\n"
        "    try:\n"
        "        attempt()\n"
        "    except OSError as error:\n"
        "        print(error.errno)\n"
    )
    readable = tmp_path / "file"
    readable.write_bytes(b"")
    assert run(program, readable) == 2 * [str(errno.EMFILE).encode()]
