"""The example in Node streams a real clip, through a killed server too, with kept identities."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from support.chaos import Storm, clip_frames, storm
from support.javascript import HAS_WEB_SOCKET, NO_NODE, NODE, NOT_INSTALLED, ROOT
from support.redis_server import running_redis

NUM_FRAMES = 16
FIRST = 18  # Two cars are in the picture, a third one comes.
KILLED_AFTER = 4
LIMIT_S = 120

pytestmark = [
    pytest.mark.skipif(NODE is None, reason=NO_NODE),
    pytest.mark.skipif(not HAS_WEB_SOCKET, reason=NOT_INSTALLED),
]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("servers")
    with running_redis(folder) as redis, storm(folder, redis) as both:
        yield both


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, pixels in enumerate(clip_frames(NUM_FRAMES, FIRST)):
        Image.fromarray(pixels).save(folder / f"{number:03}.jpg")
    return folder


def streamed(
    urls: str, folder: Path, after_line: Callable[[int], None] = lambda number: None
) -> tuple[list[str], str]:
    """The lines that the example prints, and its errors."""
    command = [str(NODE), str(ROOT / "examples" / "node_stream.mjs"), urls, str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for number, line in enumerate(process.stdout):
            lines.append(line.rstrip())
            after_line(number)
        errors = process.stderr.read()
        assert process.wait(LIMIT_S) == 0, errors
    return lines, errors


def test_without_a_folder_it_says_how_it_is_used():
    command = [str(NODE), str(ROOT / "examples" / "node_stream.mjs"), "ws://127.0.0.1:8000"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Usage: ")


def test_a_killed_server_costs_a_client_in_node_no_frame_and_no_identity(
    servers: Storm, pictures: Path
):
    expected, errors = streamed(servers.urls, pictures)
    assert errors == ""
    assert [line.split(":")[0] for line in expected] == [str(n) for n in range(NUM_FRAMES)]
    assert len(set(re.findall(r"#\d+", " ".join(expected)))) >= 2

    def kill(number: int) -> None:
        if number == KILLED_AFTER:
            server = servers.servers[servers.holder()]
            server.kill()
            server.start()

    seen, errors = streamed(servers.urls, pictures, kill)
    assert "Trying again." in errors
    assert seen == expected


def test_a_client_in_node_says_where_there_is_no_server(pictures: Path):
    command = [str(NODE), str(ROOT / "examples" / "node_stream.mjs"), "ws://127.0.0.1:9", pictures]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: No Maskstream server answers at 127.0.0.1:9")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("missing", "no such file or directory"), ("", "There is no JPEG file in ")],
)
def test_a_folder_without_pictures_is_named_in_a_sentence(
    servers: Storm, tmp_path: Path, name: str, sentence: str
):
    folder = tmp_path / name
    command = [str(NODE), str(ROOT / "examples" / "node_stream.mjs"), servers.urls, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert sentence in done.stderr
    assert str(folder) in done.stderr
