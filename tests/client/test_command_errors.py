"""Errors of the client's commands: one sentence, an exit code, and no damaged file."""

import errno
import json
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import click
import pytest

from client import server_side
from client.calls import run, sentence_of
from client.clips import read_all
from client.fake_server import Script, ThreadedServer
from maskstream_client.commands import click_errors, stream
from maskstream_client.errors import (
    NoServerError,
    RefusedError,
    SessionUnknownError,
    SourceError,
)
from maskstream_command.group import LazyGroup, main
from maskstream_protocol.errors import (
    InternalError,
    ModelUnknownError,
    ServerFullError,
    UnauthorizedError,
)

NO_SERVER = "ws://127.0.0.1:9"


def test_a_file_that_is_no_video_is_one_sentence(tmp_path):
    path = tmp_path / "letter.mp4"
    path.write_text("Dear reader.")
    assert "letter.mp4 is no video" in sentence_of(run(stream, path, "--url", NO_SERVER))
    assert "There is no file" in sentence_of(run(stream, tmp_path / "x.mp4", "--url", NO_SERVER))


@pytest.mark.parametrize("option", ["--out", "--json", "--summary"])
def test_standard_output_is_refused_before_anything_is_sent(tmp_path, monkeypatch, clip, option):
    monkeypatch.chdir(tmp_path)
    line = sentence_of(run(stream, clip, "--url", NO_SERVER, option, "-"))
    assert "- is standard output" in line
    assert option in line
    assert [path.name for path in tmp_path.iterdir()] == [clip.name]


def test_a_refused_connection_is_one_sentence(clip):
    assert "No server can be reached" in sentence_of(run(stream, clip, "--url", NO_SERVER))


def test_a_server_that_is_not_there_is_reported_with_what_helps(clip):
    line = sentence_of(run(stream, clip, "--url", NO_SERVER))
    assert "`maskstream serve`" in line
    assert "--url" in line


def test_a_missing_key_is_reported_with_the_option_that_helps(clip):
    with ThreadedServer(Script(refuse=UnauthorizedError("A valid API key is needed."))) as server:
        done = run(stream, clip, "--url", server.url)
    assert sentence_of(done) == (
        "Error: A valid API key is needed. Give the server's key with --api-key, or in "
        "MASKSTREAM_API_KEY."
    )


def test_a_servers_sentence_does_not_steer_the_terminal(clip):
    error = ModelUnknownError("There is\r\x1b[2J no [bold]model[/bold] \x9b31m.")
    with ThreadedServer(Script(refuse=error)) as server:
        done = run(stream, clip, "--url", server.url)
    line = "Error: There is\\r\\x1b[2J no [bold]model[/bold] \\x9b31m."
    assert sentence_of(done) == line


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
    assert "named for two files" in sentence_of(run(stream, clip, "--url", NO_SERVER, *same))


def test_a_server_that_is_not_there_is_the_only_fault_named(clip):
    done = run(stream, clip, "--url", NO_SERVER)
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
        (NoServerError("No server answers."), 3),
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
    @click_errors
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
    done = run(stream, clip, "--url", NO_SERVER, "--out", tmp_path / "file" / "a.mp4")
    assert "cannot be" in sentence_of(done)


def test_the_source_is_not_written_over(clip):
    before = clip.read_bytes()
    done = run(stream, clip, "--url", NO_SERVER, "--out", clip)
    assert "will not be written over" in sentence_of(done)
    assert clip.read_bytes() == before
