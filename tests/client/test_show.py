"""`maskstream stream --show`: frames with their results in a window."""

import os
import shutil
import subprocess
import sys
import tkinter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from client.calls import run, sentence_of
from client.clips import read_all
from client.fake_server import Script, ThreadedServer
from maskstream_client.commands import stream
from maskstream_client.stream_command import StreamJob, stream_source
from maskstream_client.stream_options import StreamOptions
from maskstream_client.window import open_window, ppm

SCREEN = ("800", "600")


class FakeDisplay:
    """Keeps what is shown; its user closes it after `patience` frames."""

    def __init__(self, patience: int | None = None) -> None:
        self.frames: list[np.ndarray] = []
        self.patience = patience
        self.title = ""
        self.is_closed = False

    def open(self, title: str, closed: Callable[[], None]) -> "FakeDisplay":
        self.title, self.closed = title, closed
        return self

    def show(self, pixels: np.ndarray) -> None:
        self.frames.append(pixels)
        if len(self.frames) == self.patience:
            self.closed()

    def close(self) -> None:
        self.is_closed = True


def job(source: Path, url: str, out: Path | None = None) -> StreamJob:
    return StreamJob(
        source, url, out, None, None, None, None, None, None, StreamOptions(), show=True
    )


def test_every_frame_is_shown_as_it_is_written(tmp_path, clip):
    display = FakeDisplay()
    with ThreadedServer(Script()) as server:
        stream_source(job(clip, server.url, tmp_path / "a.mp4"), display.open)
    assert (display.title, display.is_closed) == ("clip.mp4 - maskstream", True)
    written = read_all(tmp_path / "a.mp4")
    assert len(display.frames) == len(written) == 9
    assert display.frames[0].shape == written[0].shape
    nearest = np.abs(display.frames[4].astype(int) - written[4]).mean()
    assert nearest < 12


def test_closing_the_window_ends_the_stream_in_order(tmp_path, clip):
    display = FakeDisplay(patience=2)
    with ThreadedServer(Script()) as server:
        stream_source(job(clip, server.url, tmp_path / "a.mp4"), display.open)
    assert 2 <= len(read_all(tmp_path / "a.mp4")) < 9


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_without_a_display_one_sentence_says_so(clip, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    with ThreadedServer(Script()) as server:
        sentence = sentence_of(run(stream, clip, "--url", server.url, "--show"))
    assert "--show needs a display" in sentence
    assert "--out" in sentence
    assert server.hellos == []


def test_without_tkinter_one_sentence_says_what_to_install(clip, monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with ThreadedServer(Script()) as server:
        sentence = sentence_of(run(stream, clip, "--url", server.url, "--show"))
    assert "python3-tk" in sentence


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A display: the one that there is, or one of Xvfb."""
    if os.environ.get("DISPLAY"):
        yield
        return
    xvfb = shutil.which("Xvfb")
    if xvfb is None:
        pytest.skip("no display, and no Xvfb to make one")
    read, write = os.pipe()
    command = [xvfb, "-displayfd", str(write), "-screen", "0", "x".join((*SCREEN, "24"))]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as words:
            monkeypatch.setenv("DISPLAY", f":{words.readline().strip()}")
        yield
        server.terminate()


@pytest.mark.usefixtures("screen")
def test_a_real_window_shows_frames_and_is_closed_by_a_key():
    heard: list[str] = []
    window = open_window("a clip", lambda: heard.append("closed"))
    root: tkinter.Tk = window._root
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[:, 40:] = (250, 128, 7)
    window.show(frame)
    assert (root.title(), root.winfo_width(), root.winfo_height()) == ("a clip", 80, 60)
    assert window._picture.get(0, 0) == (0, 0, 0)
    assert window._picture.get(79, 59) == (250, 128, 7)
    window.show(np.zeros((4000, 6000, 3), np.uint8))
    assert root.winfo_width() <= root.winfo_screenwidth()
    assert root.winfo_height() <= root.winfo_screenheight()
    root.focus_force()
    root.update()
    root.event_generate("<Key-q>")
    window.show(frame)
    assert heard == ["closed"]
    window.show(frame)
    window.close()


def test_a_frame_is_a_picture_that_tk_reads():
    frame = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    assert ppm(frame) == b"P6 3 2 255\n" + bytes(range(18))
    assert ppm(frame[:, ::2]) == b"P6 2 2 255\n" + bytes([0, 1, 2, 6, 7, 8, 9, 10, 11, 15, 16, 17])
