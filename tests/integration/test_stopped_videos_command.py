"""`maskstream run` stopped in the middle: what it asks, what continues, what it leaves."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client.video_commands import run
from maskstream_client.videos import Videos
from support.held_videos import SOON_S, held_server, until
from support.server import LiveServer
from support.tus_server import tus_server
from support.video_calls import call, clip, ids, sentence_of

__all__ = ["clip"]

JOURNAL = ".maskstream-run.json"


def command_of(clip: Path, url: str, out: Path) -> list[str]:
    code = "from maskstream_client.video_commands import run; run()"
    return [sys.executable, "-c", code, str(clip), "--url", url, "--out", str(out)]


@dataclass
class Held:
    """A server whose videos stop at a frame, and `maskstream run` in a process of its own."""

    live: LiveServer
    clip: Path
    out: Path
    go_on: threading.Event

    @property
    def command(self) -> list[str]:
        return command_of(self.clip, self.live.url, self.out)

    def states(self) -> list[str]:
        return [video.state for video in Videos(self.live.url).list()]

    def until_running(self) -> None:
        until(lambda: self.states() == ["running"])
        time.sleep(0.5)  # the command gets it too

    def run_until(self, number: signal.Signals) -> tuple[int, str]:
        """Run it without a terminal and stop it by a signal; returns its status and words."""
        process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.until_running()
        process.send_signal(number)
        _, said = process.communicate(timeout=SOON_S)
        return process.returncode, said


@contextmanager
def held(clip: Path) -> Iterator[Held]:
    with held_server() as server:
        yield Held(server.live, clip, clip.parent / "out", server.go_on)


def test_stopped_without_a_terminal_it_cancels_nothing_and_the_same_command_continues(clip):
    with held(clip) as made:
        status, said = made.run_until(signal.SIGINT)
        assert status == 130
        assert "the same command continues" in said
        (video,) = ids(made.live)
        assert f"maskstream videos download {video}" in said
        assert "Traceback" not in said
        assert [path.name for path in made.out.iterdir()] == [JOURNAL]
        threading.Timer(0.5, made.go_on.set).start()
        done = call(run, clip, "--url", made.live.url, "--out", made.out)
        assert done.exit_code == 0, done.output
        assert ids(made.live) == [video]
        assert [path.name for path in made.out.iterdir()] == ["ytvis.json"]


def test_other_options_make_another_video(clip):
    with held(clip) as made:
        made.run_until(signal.SIGKILL)
        made.go_on.set()
        here = ("--url", made.live.url, "--out", made.out)
        assert call(run, clip, *here, "--mask-scale", "0.25").exit_code == 0
        assert len(ids(made.live)) == 2


def test_the_unfinished_run_of_another_video_is_only_given_up_by_force(clip, tmp_path):
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    with held(clip) as made:
        made.run_until(signal.SIGINT)
        made.go_on.set()
        here = ("--url", made.live.url, "--out", made.out)
        said = sentence_of(call(run, other, *here))
        assert f"has the unfinished run of {clip}: name another folder" in said
        assert call(run, clip, *here).exit_code == 0
        assert [video.name for video in Videos(made.live.url).list()] == ["clip.mp4"]
        assert call(run, other, *here, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("answer", "state", "said"),
    [
        ("y\n", "cancelled", "The video is cancelled."),
        ("n\n", "running", "continues from here"),
        (None, "running", "continues from here"),
    ],
)
def test_at_a_terminal_it_asks_whether_to_cancel(clip, answer, state, said):
    with held(clip) as made:
        process, ours = at_terminal(made.command)
        made.until_running()
        process.send_signal(signal.SIGINT)
        heard = answered(process, ours, "Cancel the video at the server? [y/N]:", answer)
        assert said in heard
        assert made.states() == [state]
        assert (made.out / JOURNAL).exists() == (state == "running")


def test_an_upload_can_be_cancelled_too(clip, tmp_path):
    with tus_server() as server:
        server.answers["PATCH"] = [(503, {})] * 1000
        process, ours = at_terminal(command_of(clip, server.url, tmp_path / "out"))
        until = time.monotonic() + SOON_S
        while not server.uploads:
            assert time.monotonic() < until
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        heard = answered(process, ours, "Cancel the upload at the server? [y/N]:", "y\n")
    assert "The upload is cancelled." in heard
    assert server.uploads == {}
    assert list((tmp_path / "out").iterdir()) == []


def at_terminal(command: list[str]) -> tuple[subprocess.Popen[str], int]:
    """A process whose standard input is a terminal, and the other end of that."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stdin=theirs, stderr=subprocess.PIPE, text=True, bufsize=1)
    os.close(theirs)
    return process, ours


def answered(
    process: subprocess.Popen[str], terminal: int, question: str, answer: str | None
) -> str:
    """What an interrupted process says after its question was answered, by Ctrl-C if by None."""
    heard = read_until(process.stderr, question)
    if answer is None:
        time.sleep(0.5)  # nobody is so quick as to interrupt before it reads
        process.send_signal(signal.SIGINT)
    else:
        os.write(terminal, answer.encode())
    heard += process.communicate(timeout=SOON_S)[1]
    os.close(terminal)
    assert "Traceback" not in heard
    assert process.returncode == 130
    return heard


def read_until(pipe: IO[str], wanted: str) -> str:
    heard = ""
    while wanted not in heard:
        character = pipe.read(1)
        assert character, heard
        heard += character
    return heard
