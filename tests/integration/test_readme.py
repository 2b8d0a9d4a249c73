"""The README's Python, as it stands there, against a real server."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from client.clips import numbered_frames, write_clip
from maskstream_client.bench.frames import moving_shapes
from support.server import LiveServer, running_server

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
LEFT_OUT = ("supervision", "torch", "fastapi", "redis", "scipy", "cv2", "pydantic", "uvicorn")
"""`pip install .` brings none of them, and `make demo` not the first."""
MISSING = f"import sys; sys.modules.update(dict.fromkeys({LEFT_OUT!r}))\n"
SERVER, CLIP = "127.0.0.1:8000", "street.mp4"


def block_with(*words: str) -> str:
    (block,) = [each for each in BLOCKS if all(word in each for word in words)]
    return block


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


def test_the_client_in_ten_lines_says_what_is_seen_on_every_frame(live, folder):
    lines = run_in(folder, at(live, block_with("client.stream("))).splitlines()
    assert [line.split()[:4] for line in lines] == [
        [str(frame), "1", "thing", "0.9"] for frame in range(1, 6)
    ]


def test_a_whole_video_is_two_lines(live, folder):
    run_in(folder, at(live, block_with("Videos(")))
    assert (folder / "street" / "ytvis.json").is_file()


def test_the_model_without_a_server_steps_with_its_own_weights(folder):
    block = block_with("load_model(")
    released = re.compile(r'"daq_r50_ovis", weights="[^"]+"')
    assert len(released.findall(block)) == 1
    np.save(folder / "frame.npy", moving_shapes(0, 128, 224))
    frame = "import numpy; frame, (height, width) = numpy.load('frame.npy'), (128, 224)\n"
    run_in(folder, frame + released.sub('"demo"', block) + "assert len(blob) > 0")


def test_every_block_is_run_here():
    assert len(BLOCKS) == 3
