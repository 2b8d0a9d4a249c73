"""`maskstream stream` of a source without an end, stopped by Ctrl-C: the files that it leaves."""

import json
import signal
import subprocess
import sys

import pytest

from client.clips import read_all
from support.endless_video import endless_video
from support.held_videos import SOON_S, until
from support.server import FakeModel, running_server

COMMAND = [sys.executable, "-c", "from maskstream_client.commands import stream; stream()"]


@pytest.mark.parametrize(
    ("policy", "number"),
    [
        ("lossless", signal.SIGINT),
        ("latest", signal.SIGINT),
        ("lossless", signal.SIGTERM),
        ("lossless", signal.SIGHUP),
    ],
)
def test_a_signal_ends_an_endless_stream_with_its_three_files_whole(tmp_path, policy, number):
    out, found, summary = (tmp_path / name for name in ("a.mp4", "r.json", "s.json"))
    options = ["--policy", policy, "--out", out, "--json", found, "--summary", summary]
    with endless_video(tmp_path) as source, running_server(FakeModel(step_s=0.02)) as live:
        command = [*COMMAND, source, "--url", live.url, *map(str, options)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        until(lambda: live.metric("maskstream_results_total") >= 8)
        process.send_signal(number)
        _, output = process.communicate(timeout=SOON_S)
    assert process.returncode == 128 + number, output
    assert "Traceback" not in output
    assert "Ctrl-C again cuts it short" in output
    counts = json.loads(summary.read_text())
    assert counts["frames"] - counts["dropped"] >= 8
    (track,) = json.loads(found.read_text())
    assert len(track["segmentations"]) == len(read_all(out)) == counts["frames"]
    assert f"{counts['frames']} frames" in output
