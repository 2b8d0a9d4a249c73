"""Commands of the client, called in this process, and what they say."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from client.clips import numbered_frames, write_clip
from maskstream_client.videos import Videos
from support.server import LiveServer


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "clip.mp4", numbered_frames(6))


def call(command, *arguments) -> Result:
    return CliRunner().invoke(command, [str(each) for each in arguments])


def sentence_of(done: Result) -> str:
    """The one line after which it ended, without a traceback."""
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("Error: ")]
    return line


def ids(live: LiveServer) -> list[str]:
    return [video.id for video in Videos(live.url).list()]
