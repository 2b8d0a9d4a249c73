"""The command line: files that come out, and sentences where something is wrong."""

import errno
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import click
import pytest
from click.testing import CliRunner

from client import fake_server, server_side
from client.clips import numbered_frames, read_all, write_clip
from client.fake_server import Script, ThreadedServer
from maskstream_client.commands import plain_errors, stream
from maskstream_client.errors import (
    NoServerError,
    RefusedError,
    SessionUnknownError,
    SourceError,
)
from maskstream_client.main import LazyGroup, main
from maskstream_client.video import VideoReader
from maskstream_protocol.errors import (
    InternalError,
    ModelUnknownError,
    ServerFullError,
    UnauthorizedError,
)
from support.broken_pipes import unread_pipe

NOBODY = "ws://127.0.0.1:9"
PROGRAM = [sys.executable, "-c", "from maskstream_client.main import main; main()"]


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", numbered_frames(9))


def run(command, *arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


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


def test_stream_goes_on_over_a_lost_connection(tmp_path, clip):
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


def sentence_of(done):
    """The one line after which it ended, without a traceback."""
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    (line,) = [each for each in done.output.splitlines() if each.startswith("Error: ")]
    return line


def test_a_file_that_is_no_video_is_one_sentence(tmp_path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader.")
    assert "letter.mp4 is no video" in sentence_of(run(stream, path, "--url", NOBODY))
    assert "There is no file" in sentence_of(run(stream, tmp_path / "x.mp4", "--url", NOBODY))


@pytest.mark.parametrize("option", ["--out", "--json", "--summary"])
def test_standard_output_is_refused_before_anything_is_sent(tmp_path, monkeypatch, clip, option):
    monkeypatch.chdir(tmp_path)
    told = sentence_of(run(stream, clip, "--url", NOBODY, option, "-"))
    assert "- is standard output" in told
    assert option in told
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]


def test_a_refused_connection_is_one_sentence(clip):
    assert "No server can be reached" in sentence_of(run(stream, clip, "--url", NOBODY))


def test_a_server_that_is_not_there_is_told_with_what_helps(clip):
    told = sentence_of(run(stream, clip, "--url", NOBODY))
    assert "`maskstream serve`" in told
    assert "--url" in told


def test_a_missing_key_is_told_with_the_option_that_helps(clip):
    with ThreadedServer(Script(refuse=UnauthorizedError("A valid API key is needed."))) as server:
        done = run(stream, clip, "--url", server.url)
    assert sentence_of(done) == (
        "Error: A valid API key is needed. Give the server's key with --api-key, or in "
        "MASKSTREAM_API_KEY."
    )


def test_an_empty_key_variable_is_no_key(clip):
    with ThreadedServer(Script()) as server:
        CliRunner(env={"MASKSTREAM_API_KEY": ""}).invoke(stream, [str(clip), "--url", server.url])
    assert server.headers == [None]


def test_a_servers_sentence_does_not_steer_the_terminal(clip):
    error = ModelUnknownError("There is\r\x1b[2J no [bold]model[/bold] \x9b31m.")
    with ThreadedServer(Script(refuse=error)) as server:
        done = run(stream, clip, "--url", server.url)
    told = "Error: There is\\r\\x1b[2J no [bold]model[/bold] \\x9b31m."
    assert sentence_of(done) == told


def test_a_file_that_cannot_be_written_takes_no_other_along(tmp_path, clip):
    out, summary = tmp_path / "a.mp4", tmp_path / "s.json"
    with ThreadedServer() as server:
        options = ("--out", out, "--json", "/dev/full", "--summary", summary)
        done = run(stream, clip, "--url", server.url, *options)
    assert "/dev/full cannot be written: No space left on device." in sentence_of(done)
    assert len(read_all(out)) == json.loads(summary.read_text())["frames"] == 9


def test_results_that_cannot_be_written_leave_the_old_ones(tmp_path, clip, monkeypatch):
    found = tmp_path / "r.json"
    found.write_text("old")

    def full(path, text, encoding):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with ThreadedServer() as server:
        done = run(stream, clip, "--url", server.url, "--json", found)
    assert "r.json cannot be written" in sentence_of(done)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4", "r.json"]
    assert found.read_text() == "old"


def test_two_files_of_one_name_are_refused(tmp_path, clip):
    same = ("--json", tmp_path / "x.json", "--summary", tmp_path / "." / "x.json")
    assert "named for two files" in sentence_of(run(stream, clip, "--url", NOBODY, *same))


def test_a_stream_whose_words_nobody_reads_leaves_its_files(tmp_path, clip):
    out, found, summary = (tmp_path / name for name in ("a.mp4", "r.json", "s.json"))
    files = map(str, ("--out", out, "--json", found, "--summary", summary))
    with ThreadedServer() as server, unread_pipe() as words:
        command = [*PROGRAM, "stream", str(clip), "--url", server.url, *files]
        done = subprocess.run(command, stderr=words, stdout=words)
    assert done.returncode == 0
    assert len(read_all(out)) == json.loads(summary.read_text())["frames"] == 9
    assert json.loads(found.read_text())


def test_a_server_that_is_not_there_is_the_only_fault_named(clip):
    done = run(stream, clip, "--url", NOBODY)
    assert "Start one with `maskstream serve`" in sentence_of(done)
    assert len(done.output.splitlines()) == 1


def test_a_wrong_address_is_one_sentence(clip):
    assert "is no URL of a server" in sentence_of(run(stream, clip, "--url", "ftp://here"))


def test_a_refused_stream_is_the_servers_sentence(clip):
    with ThreadedServer(Script(refuse=ModelUnknownError("There is no model big."))) as server:
        done = run(stream, clip, "--url", server.url, "--model", "big")
    assert sentence_of(done) == "Error: There is no model big."


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceError("There is no file."), 1),
        (InternalError("A fault of the server."), 1),
        (ValueError("That is no URL."), 2),
        (NoServerError("Nobody answers."), 3),
        (RefusedError("No.", 422), 4),
        (UnauthorizedError("A key is needed."), 4),
        (ServerFullError("All are taken."), 4),
        (RefusedError("There is no such video.", 404), 5),
        (SessionUnknownError("There is no such session."), 5),
        (ModelUnknownError("There is no such model."), 5),
    ],
)
def test_the_exit_code_says_what_kind_of_error_ended_a_command(error, code):
    @click.command()
    @plain_errors
    def fails():
        raise error

    with patch.object(LazyGroup, "get_command", lambda self, context, name: fails):
        done = run(main, "fails")
    assert done.exit_code == code
    assert sentence_of(done).startswith(f"Error: {error}")


def test_a_command_that_is_called_wrongly_ends_with_2():
    assert run(stream, "clip.mp4", "--masks", "none of these").exit_code == 2


def test_frames_over_the_servers_limit_are_one_sentence_and_no_file(tmp_path, clip, monkeypatch):
    monkeypatch.setattr(server_side, "LIMITS", replace(server_side.LIMITS, frame_pixels=3000))
    out, found = tmp_path / "a.mp4", tmp_path / "r.json"
    with ThreadedServer() as server:
        done = run(stream, clip, "--url", server.url, "--out", out, "--json", found)
    assert "64x48 has more pixels than the 3000 that this server takes" in sentence_of(done)
    assert not out.exists()
    assert not found.exists()


def test_a_video_that_cannot_be_written_is_one_sentence(tmp_path, clip):
    (tmp_path / "file").write_text("in the way")
    done = run(stream, clip, "--url", NOBODY, "--out", tmp_path / "file" / "a.mp4")
    assert "cannot be" in sentence_of(done)


def test_the_source_is_not_written_over(clip):
    before = clip.read_bytes()
    done = run(stream, clip, "--url", NOBODY, "--out", clip)
    assert "will not be written over" in sentence_of(done)
    assert clip.read_bytes() == before
