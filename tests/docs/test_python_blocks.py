"""The Python of README and documentation, as it is printed, against a real server."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from client.clips import numbered_frames, write_clip
from docs.pages import CHECKOUT, PAGES, blocks
from maskstream_bench.pictures import moving_shapes
from support.server import LiveServer, running_server
from support.stand_ins import stand_in

LEFT_OUT = ("supervision", "torch", "fastapi", "redis", "scipy", "cv2", "pydantic", "uvicorn")
"""`pip install .` brings none of them, and `make demo` not the first."""
MISSING = f"import sys; sys.modules.update(dict.fromkeys({LEFT_OUT!r}))\n"
SERVER, CLIP = "127.0.0.1:8000", "street.mp4"
ELSEWHERE = {
    "protocol.md": "tests/integration/test_protocol_page.py",
    "adding-a-model.md": "tests/model/conformance/test_page.py",
    "onnx.md": "tests/model/test_onnx_graph.py",
}
"""Pages whose blocks another test runs."""
WATCHED = """
import builtins, threading
import numpy
from maskstream_client import connect

seen = threading.Event()
client = connect("ws://127.0.0.1:8000").__enter__()
session = client.session

def frames():
    while not seen.is_set():
        yield numpy.zeros((48, 64, 3), numpy.uint8)

def stream():
    with client:
        for _ in client.stream(frames()):
            pass

def print(*words):
    builtins.print(*words)
    seen.set()

threading.Thread(target=stream, daemon=True).start()
"""
"""Somebody else's session, which ends when its viewer has printed a line."""


def block_with(*words: str, page: str = "README.md") -> str:
    (found,) = [
        block for block in blocks(CHECKOUT / page, "python") if all(word in block for word in words)
    ]
    return found


def run_in(folder: Path, code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def live():
    with running_server() as made:
        yield made


@pytest.fixture
def folder(tmp_path):
    write_clip(tmp_path / CLIP, numbered_frames(5))
    return tmp_path


def at(live: LiveServer, block: str) -> str:
    assert SERVER in block
    return MISSING + block.replace(SERVER, live.url.removeprefix("http://"))


@pytest.mark.parametrize("page", ["README.md", "docs/clients.md"])
def test_the_client_in_ten_lines_says_what_is_seen_on_every_frame(live, folder, page):
    block = block_with("with connect(", "client.stream(", page=page)
    lines = run_in(folder, at(live, block)).splitlines()
    assert [line.split()[:4] for line in lines] == [
        [str(frame), "1", "thing", "0.9"] for frame in range(1, 6)
    ]


def test_the_client_is_the_same_with_asyncio(live, folder):
    block = block_with("connect_async(", page="docs/clients.md")
    lines = run_in(folder, at(live, block)).splitlines()
    assert lines == [f"{frame} [1]" for frame in range(1, 6)]


def test_a_session_is_watched_in_two_lines(live, folder):
    block = block_with("watch(", page="docs/clients.md")
    first = run_in(folder, at(live, WATCHED + block)).splitlines()[0]
    assert re.fullmatch(r"\d+ \[1\]", first)


def test_a_whole_video_is_two_lines(live, folder):
    run_in(folder, at(live, block_with("Videos(")))
    assert (folder / "street" / "ytvis.json").is_file()


def test_results_of_a_whole_video_are_read_line_by_line(live, folder):
    lines = run_in(folder, at(live, block_with("Videos(", page="docs/videos.md"))).splitlines()
    assert [line.split()[0] for line in lines] == [str(frame) for frame in range(5)]
    assert (folder / "street" / "overlay.mp4").is_file()


def test_rules_make_events_of_a_video(tmp_path):
    write_clip(tmp_path / CLIP, [up_through_the_yard(time) for time in range(30)])
    with running_server(stand_in()) as colors:
        block = block_with("Rule(", page="docs/events.md").replace('"car"', '"red"')
        lines = run_in(tmp_path, at(colors, block)).splitlines()
    assert [line.split()[1:] for line in lines] == [
        ["yard", "entered", "1", "red"],
        ["northbound", "crossed", "1", "red"],
    ]


def up_through_the_yard(time: int) -> np.ndarray:
    """Red stands in the lower half for a second, then goes up."""
    frame = np.zeros((96, 128, 3), np.uint8)
    top = 68 - 4 * max(0, time - 15)
    frame[top : top + 20, 30:50, 0] = 230
    return frame


def test_the_model_without_a_server_steps_with_its_own_weights(folder):
    block = block_with("load_model(", page="docs/models.md")
    released = re.compile(r'"daq_r50_ovis", weights="[^"]+"')
    assert len(released.findall(block)) == 1
    np.save(folder / "frame.npy", moving_shapes(0, 128, 224))
    frame = "import numpy; frame, (height, width) = numpy.load('frame.npy'), (128, 224)\n"
    code = frame + released.sub('"demo"', block) + "model.from_parts(parts)"
    assert run_in(folder, code).startswith("1 [")


def test_every_block_is_run():
    counts = {page.name: len(blocks(page, "python")) for page in PAGES}
    assert all((CHECKOUT / test).is_file() for test in ELSEWHERE.values())
    run = {page: count for page, count in counts.items() if count and page not in ELSEWHERE}
    assert run == {"README.md": 2, "clients.md": 3, "events.md": 1, "models.md": 1, "videos.md": 1}
