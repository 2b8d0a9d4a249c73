"""`maskstream stream`: the files that it writes."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from client import fake_server
from client.calls import run
from client.clips import read_all
from client.fake_server import Script, ThreadedServer
from maskstream_client.commands import stream
from maskstream_client.video import VideoReader
from support.broken_pipes import unread_pipe

PROGRAM = [sys.executable, "-c", "from maskstream_command.group import main; main()"]


def test_stream_writes_every_frame_the_results_and_a_summary(tmp_path, clip):
    out = tmp_path / "made" / "here"
    with ThreadedServer(Script(drop=(4,))) as server:
        done = run(
            stream,
            clip,
            *("--url", server.url),
            *("--out", out / "a.mp4"),
            *("--json", out / "r.json"),
            *("--summary", out / "s.json"),
        )
    assert done.exit_code == 0, done.output
    assert len(read_all(out / "a.mp4")) == 9
    (track,) = json.loads((out / "r.json").read_text())
    assert (track["file_name"], track["frame_rate"]) == ("clip.mp4", 10)
    assert track["label"] == "class 9"
    assert [bool(each) for each in track["segmentations"]] == [True] * 3 + [False] + [True] * 5
    summary = json.loads((out / "s.json").read_text())
    assert (summary["frames"], summary["dropped"], summary["tracks"]) == (9, 1, 1)
    assert (summary["emerged"], summary["disappeared"]) == (1, 0)
    assert summary["fps"] > 0
    assert (summary["file_name"], summary["frame_rate"]) == ("clip.mp4", 10)
    assert summary["session"] == "s1"
    assert f"maskstream watch s1 --url {server.url}" in done.stderr
    assert summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]


@pytest.mark.parametrize(
    ("own_min", "options", "shown"),
    [(0.5, (), 1), (0.95, (), 0), (0.95, ("--show-min", 0.9), 1), (0.5, ("--show-min", 0.95), 0)],
)
def test_stream_shows_tracks_from_the_models_own_score_on_or_the_users(
    tmp_path, clip, monkeypatch, own_min, options, shown
):
    monkeypatch.setattr(fake_server, "SHOW_MIN", own_min)
    files = ("--json", tmp_path / "r.json", "--summary", tmp_path / "s.json")
    with ThreadedServer(Script()) as server:
        done = run(stream, clip, "--url", server.url, *files, *options)
    assert done.exit_code == 0, done.output
    (track,) = json.loads((tmp_path / "r.json").read_text())
    summary = json.loads((tmp_path / "s.json").read_text())
    assert (track["visible"], summary["shown"], summary["tracks"]) == (bool(shown), shown, 1)


def test_stream_continues_over_a_lost_connection(tmp_path, clip):
    with ThreadedServer(Script(4, 1012)) as server:
        done = run(stream, clip, "--url", server.url, "--out", tmp_path / "a.mp4")
    assert done.exit_code == 0, done.output
    assert len(read_all(tmp_path / "a.mp4")) == 9


def test_a_stream_that_a_server_ends_leaves_what_came_until_then(tmp_path, clip):
    paths = {name: tmp_path / name for name in ("out", "json", "summary")}
    paths["out"] = tmp_path / "out.mp4"
    options = [part for name, path in paths.items() for part in (f"--{name}", path)]
    with ThreadedServer(Script(4, 4422)) as server:
        done = run(stream, clip, "--url", server.url, *options)
    assert done.exit_code == 3
    assert "4422" in done.output
    frames = json.loads(paths["summary"].read_text())["frames"]
    assert 1 <= frames <= 4
    (track,) = json.loads(paths["json"].read_text())
    assert len(track["segmentations"]) == len(read_all(paths["out"])) == frames


def test_stream_may_stop_early(clip):
    with ThreadedServer() as server:
        done = run(stream, clip, "--url", server.url, "--max-frames", 3)
    assert "3 frames" in done.output


def test_stream_of_a_number_is_that_camera(clip, monkeypatch):
    opened = []

    class Camera(VideoReader):
        def __init__(self, source, max_frames):
            opened.append(source)
            super().__init__(clip, max_frames)

    monkeypatch.setattr("maskstream_client.sources.VideoReader", Camera)
    with ThreadedServer() as server:
        done = run(stream, "0", "--url", server.url)
    assert "9 frames" in done.output
    assert opened == [0]


def test_masks_are_kept_only_where_results_are_wanted(clip, monkeypatch, tmp_path):
    kept = []
    monkeypatch.setattr("maskstream_client.results_json.coco_rle", lambda mask: kept.append(mask))
    with ThreadedServer(Script(), Script()) as server:
        assert run(stream, clip, "--url", server.url).exit_code == 0
        assert kept == []
        server.committed = 0
        run(stream, clip, "--url", server.url, "--json", tmp_path / "r.json")
    assert len(kept) == 9


def test_an_empty_key_variable_is_no_key(clip):
    with ThreadedServer(Script()) as server:
        CliRunner(env={"MASKSTREAM_API_KEY": ""}).invoke(stream, [str(clip), "--url", server.url])
    assert server.headers == [None]


def test_a_stream_with_a_closed_stderr_writes_its_files(tmp_path, clip):
    out, found, summary = (tmp_path / name for name in ("a.mp4", "r.json", "s.json"))
    files = map(str, ("--out", out, "--json", found, "--summary", summary))
    with ThreadedServer() as server, unread_pipe() as pipe:
        command = [*PROGRAM, "stream", str(clip), "--url", server.url, *files]
        done = subprocess.run(command, stderr=pipe, stdout=pipe)
    assert done.returncode == 0
    assert len(read_all(out)) == json.loads(summary.read_text())["frames"] == 9
    assert json.loads(found.read_text())
