"""What `make demo` runs, as a process: the demo model behind a real server, and what it leaves."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest

from client.clips import numbered_frames, read_all, write_clip
from maskstream_bench.pictures import moving_shapes
from support.held_videos import SOON_S, until

CHECKOUT = Path(__file__).resolve().parents[2]
DEMO = CHECKOUT / "scripts" / "demo.py"
SAMPLE = CHECKOUT / "examples" / "cars.mp4"
CARS_S = ((0.2, 4.3), (1.2, 4.9), (2.7, 6.8), (7.4, 9.9))
"""From when to when each of the four cars is in the sample, in seconds."""
LEFT = ("annotated.mp4", "results.json", "summary.json")


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
    lines = done.stdout.splitlines()
    rows = [
        line for line in lines if re.match(r" +\d+  \w+ +[\d.]+ s +[\d.]+ s +\d+ +\d\.\d\d$", line)
    ]
    assert len(rows) == summary["shown"]
    assert all(any(line.startswith(f"{out / name} ") for line in lines) for name in LEFT)


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


def test_the_sample_is_small_and_decoded_alike_everywhere():
    assert SAMPLE.stat().st_size <= 2_000_000
    planes = hashlib.sha256()
    with av.open(str(SAMPLE)) as container:
        for frame in container.decode(video=0):  # not converted to RGB: that may round
            planes.update(frame.to_ndarray().tobytes())
    assert planes.hexdigest().startswith("4d8365cea3dc0538")


@pytest.mark.slow
def test_without_a_video_each_of_the_four_cars_of_the_sample_has_a_line(tmp_path):
    done = subprocess.run(
        [sys.executable, str(DEMO), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    lines = re.findall(r"^ +\d+  \w+ +([\d.]+) s +([\d.]+) s +(\d+) ", done.stdout, re.MULTILINE)
    shown = [(float(start), float(end)) for start, end, frames in lines if int(frames) >= 20]
    for came, went in CARS_S:
        assert [1 for start, end in shown if start < came + 1 and end > went - 1]


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
