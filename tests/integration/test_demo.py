"""What `make demo` runs, as a process: the demo model behind a real server, and what it leaves."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from client.clips import numbered_frames, read_all, write_clip
from maskstream_bench.pictures import moving_shapes
from support.held_videos import SOON_S, until

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"


def command_of(video: Path, out: Path) -> list[str]:
    return [sys.executable, str(DEMO), "--video", str(video), "--out", str(out)]


def run_demo(video: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command_of(video, out), capture_output=True, text=True, timeout=240)


def sentence_of(done: "subprocess.CompletedProcess[str]") -> str:
    """The one line that it says before it ends."""
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    return line


def test_the_demo_leaves_an_annotated_video_of_every_frame_the_results_and_a_summary(tmp_path):
    discs = [moving_shapes(index, 128, 224) for index in range(5)]
    out = tmp_path / "made" / "out"
    done = run_demo(write_clip(tmp_path / "clip.mp4", discs), out)
    assert done.returncode == 0, done.stderr
    assert len(read_all(out / "annotated.mp4")) == 5
    summary = json.loads((out / "summary.json").read_text())
    assert {"frames", "tracks", "emerged", "disappeared", "fps", "latency_ms"} <= set(summary)
    assert set(summary["latency_ms"]) == {"p50", "p95", "p99"}
    assert (summary["frames"], summary["dropped"]) == (5, 0)
    tracks = json.loads((out / "results.json").read_text())
    assert len(tracks) == summary["tracks"] >= 1
    assert all(len(track["segmentations"]) == 5 for track in tracks)


def server_of(demo: "subprocess.Popen[str]") -> psutil.Process:
    """The server that it has started."""
    children = psutil.Process(demo.pid).children
    until(lambda: [child for child in children() if "serve" in child.cmdline()])
    (server,) = children()
    return server


def test_the_server_of_a_demo_gives_the_same_tracks_from_run_to_run(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(1))
    command = command_of(clip, tmp_path / "out")
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True) as demo:
        options = server_of(demo).cmdline()
        demo.terminate()
    assert "--deterministic" in options


WRITE_SAMPLE = """
import os, runpy, sys
from pathlib import Path
if sys.argv[3:]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
runpy.run_path(sys.argv[1])["write_sample"](Path(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="takes cores away from a process")
def test_the_demo_makes_the_same_sample_on_one_core_and_on_all(tmp_path):
    for name, cores in (("all.mp4", []), ("one.mp4", ["one"])):
        command = [sys.executable, "-c", WRITE_SAMPLE, str(DEMO), str(tmp_path / name), *cores]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=240)
    assert (tmp_path / "all.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_a_demo_of_a_file_that_is_no_video_is_one_sentence(tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader.")
    said = sentence_of(run_demo(letter, tmp_path / "out"))
    assert "letter.mp4 is no video that can be opened" in said


def test_a_demo_into_a_file_is_one_sentence(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(1))
    before = clip.read_bytes()
    said = sentence_of(run_demo(clip, clip))
    assert said == f"{clip} is no folder that can be written to: File exists."
    assert clip.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_that_is_stopped_takes_its_server_along(tmp_path, number):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(1))
    command = command_of(clip, tmp_path / "out")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as demo:
        server = server_of(demo)
        time.sleep(0.5)  # the demo waits for it
        demo.send_signal(number)
        _, said = demo.communicate(timeout=SOON_S)
    assert (demo.returncode, said) == (128 + number, "")
    assert not server.is_running()
