"""`maskstream run` and `maskstream videos` against the real server."""

import json
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
from click.testing import CliRunner, Result

from client.clips import numbered_frames, write_clip
from maskstream_client.video_commands import run, videos
from maskstream_client.videos import Videos
from support.held_videos import SOON_S, held_server, until
from support.http_receiver import Answer, http_receiver
from support.server import LiveServer, running_server
from support.tus_server import tus_server

JOURNAL = ".maskstream-run.json"


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server() as made:
        yield made


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4", numbered_frames(6))


def call(command, *arguments) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def sentence_of(done: Result) -> str:
    """The one line after which it ended, without a traceback."""
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("Error: ")]
    return line


def ids(live: LiveServer) -> list[str]:
    return [video.id for video in Videos(live.url).list()]


def test_run_uploads_waits_and_downloads(live, clip, tmp_path):
    out = tmp_path / "made" / "here"
    done = call(
        run,
        clip,
        *("--url", live.url),
        *("--out", out),
        *("--artifacts", "ytvis.json, masks.zip"),
        *("--mask-scale", "0.5"),
    )
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in out.iterdir()) == ["masks.zip", "ytvis.json"]
    (track,) = json.loads((out / "ytvis.json").read_text())
    assert track["segmentations"][0]["size"] == [24, 32]
    assert done.stdout.splitlines() == [str(out / "ytvis.json"), str(out / "masks.zip")]
    for word in ("Uploading", "Processing", "6 of 6 frames", "Downloading masks.zip"):
        assert word in done.stderr


def test_what_goes_wrong_is_one_sentence(live, clip, tmp_path):
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader.")
    here = ("--url", live.url, "--out", tmp_path / "out")
    assert "letter.mp4 failed: The file is no video" in sentence_of(call(run, letter, *here))
    assert "No such file" in sentence_of(call(run, tmp_path / "x.mp4", *here))
    refused = call(run, clip, *here, "--artifacts", "poem.txt")
    assert "The option artifacts must be" in sentence_of(refused)
    assert "Uploading" not in refused.stderr
    assert list((tmp_path / "out").iterdir()) == []
    nobody = ("--url", "http://127.0.0.1:9", "--out", tmp_path / "out")
    assert "No server can be reached" in sentence_of(call(run, clip, *nobody))
    for command in ("show", "cancel", "delete", "download"):
        done = call(videos, command, "nobody", "--url", live.url)
        assert "There is no video 'nobody'" in sentence_of(done)
    assert "is no URL" in sentence_of(call(videos, "list", "--url", "ftp://here"))


def test_files_of_another_video_are_only_overwritten_by_force(live, clip, tmp_path):
    out = tmp_path / "out"
    here = ("--url", live.url, "--out", out)
    assert call(run, clip, *here).exit_code == 0
    first, num_videos = (out / "ytvis.json").read_bytes(), len(ids(live))
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    told = sentence_of(call(run, other, *here))
    assert told == (
        f"Error: {out / 'ytvis.json'} is there already: name another folder with --out, "
        "or overwrite it with --force."
    )
    assert (out / "ytvis.json").read_bytes() == first
    assert [path.name for path in out.iterdir()] == ["ytvis.json"]
    assert len(ids(live)) == num_videos  # nothing was uploaded
    assert call(run, other, *here, "--artifacts", "masks.zip").exit_code == 0
    assert call(run, other, *here, "--force").exit_code == 0
    assert (out / "ytvis.json").read_bytes() != first


def test_the_unfinished_run_of_another_video_is_only_given_up_by_force(clip, tmp_path):
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    with held(clip) as made:
        process = subprocess.Popen(made.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        made.until_running()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SOON_S)
        made.go_on.set()
        here = ("--url", made.live.url, "--out", made.out)
        told = sentence_of(call(run, other, *here))
        assert f"has the unfinished run of {clip}: name another folder" in told
        assert call(run, clip, *here).exit_code == 0
        assert [video.name for video in Videos(made.live.url).list()] == ["clip.mp4"]
        assert call(run, other, *here, "--force").exit_code == 0


def test_a_run_that_never_reached_its_server_is_in_nobodys_way(live, clip, tmp_path):
    out = ("--out", tmp_path / "out")
    assert call(run, clip, "--url", "http://127.0.0.1:9", *out).exit_code == 1
    other = write_clip(tmp_path / "other.mp4", numbered_frames(3))
    assert call(run, other, "--url", live.url, *out).exit_code == 0


def test_a_video_may_be_an_address_that_the_server_fetches(clip, tmp_path):
    film = clip.read_bytes()
    with (
        http_receiver(lambda asked: Answer(body=film)) as receiver,
        running_server(
            video_url_hosts=(receiver.authority,), private_hosts=(receiver.authority,)
        ) as live,
    ):
        out, address = tmp_path / "out", f"{receiver.url}/films/clip.mp4"
        done = call(run, address, "--url", live.url, "--out", out)
        assert done.exit_code == 0, done.output
        assert [path.name for path in out.iterdir()] == ["ytvis.json"]
        assert "Uploading" not in done.stderr
        assert "clip.mp4, frames: 6" in done.stderr
        (video,) = Videos(live.url).list()
        assert (video.name, video.num_bytes) == ("clip.mp4", len(film))
        told = sentence_of(call(run, "https://elsewhere.example/a.mp4", "--url", live.url))
        assert "does not let this server go to elsewhere.example" in told


def test_videos_are_listed_shown_downloaded_and_deleted(live, clip, tmp_path):
    out, here = tmp_path / "out", ("--url", live.url)
    assert call(run, clip, *here, "--out", out).exit_code == 0
    video = ids(live)[0]
    listed = call(videos, "list", *here, "--limit", 1).stdout
    assert listed.split() == [video, "done", "100.0%", "clip.mp4"]
    shown = call(videos, "show", video, *here).stdout
    assert "artifacts     ytvis.json\n" in shown
    assert "reason" not in shown
    assert json.loads(call(videos, "show", video, *here, "--json").stdout)["frames_done"] == 6
    assert json.loads(call(videos, "list", *here, "--json").stdout)[0]["id"] == video
    again = call(videos, "download", video, "ytvis.json", *here, "--out", tmp_path / "more")
    assert again.stdout.strip() == str(tmp_path / "more" / "ytvis.json")
    assert (tmp_path / "more" / "ytvis.json").read_bytes() == (out / "ytvis.json").read_bytes()
    assert "is done already" in sentence_of(call(videos, "cancel", video, *here))
    assert call(videos, "delete", video, *here).exit_code == 0
    assert video not in ids(live)


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
        time.sleep(0.5)  # the command hears of it too


@contextmanager
def held(clip: Path) -> Iterator[Held]:
    with held_server() as server:
        yield Held(server.live, clip, clip.parent / "out", server.go_on)


def test_stopped_without_a_terminal_it_cancels_nothing_and_the_same_command_goes_on(clip):
    with held(clip) as made:
        process = subprocess.Popen(
            made.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        made.until_running()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=SOON_S)
        assert process.returncode == 130
        assert "the same command goes on" in told
        (video,) = ids(made.live)
        assert f"maskstream videos download {video}" in told
        assert "Traceback" not in told
        assert [path.name for path in made.out.iterdir()] == [JOURNAL]
        threading.Timer(0.5, made.go_on.set).start()
        done = call(run, clip, "--url", made.live.url, "--out", made.out)
        assert done.exit_code == 0, done.output
        assert ids(made.live) == [video]
        assert [path.name for path in made.out.iterdir()] == ["ytvis.json"]


def test_other_options_make_another_video(clip):
    with held(clip) as made:
        process = subprocess.Popen(made.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        made.until_running()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SOON_S)
        made.go_on.set()
        here = ("--url", made.live.url, "--out", made.out)
        assert call(run, clip, *here, "--mask-scale", "0.25").exit_code == 0
        assert len(ids(made.live)) == 2


@pytest.mark.parametrize(
    ("answer", "state", "told"),
    [
        ("y\n", "cancelled", "The video is cancelled."),
        ("n\n", "running", "goes on from here"),
        (None, "running", "goes on from here"),
    ],
)
def test_at_a_terminal_it_asks_whether_to_cancel(clip, answer, state, told):
    with held(clip) as made:
        process, ours = at_terminal(made.command)
        made.until_running()
        process.send_signal(signal.SIGINT)
        heard = answered(process, ours, "Cancel the video at the server? [y/N]:", answer)
        assert told in heard
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
