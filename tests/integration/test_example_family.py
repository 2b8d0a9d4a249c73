"""A family of models in another distribution: installed, served, streamed to, killed, resumed."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from client.clips import write_clip
from maskstream_client import Client
from maskstream_client.videos import Videos
from support.chaos import Plan, storm
from support.redis_server import running_redis
from support.serving import server_processes

EXAMPLE = Path(__file__).parents[2] / "examples" / "brightest_blob"
SIZE = (64, 96)
NUM_FRAMES = 24
PLAN = Plan(seed=0, num_frames=NUM_FRAMES, kills=(6, 17), redis_restart=10, cut=20, cut_s=0.5)


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the example into a folder that the servers of this module can import from."""
    source, target = (tmp_path_factory.mktemp("example") / name for name in ("source", "target"))
    shutil.copytree(EXAMPLE, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", target]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    places = [str(target), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(places))
        yield target


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    """A blob walks, is gone for two frames, and another one walks elsewhere."""
    frames = []
    for time in range(NUM_FRAMES):
        frame = np.zeros((*SIZE, 3), np.uint8)
        left = 8 + 2 * time
        if time < 12:
            frame[8:24, left : left + 16] = 220
        elif time > 13:
            frame[40:56, left : left + 16] = 220
        frames.append(frame)
    return frames


def test_it_is_listed_beside_our_own_presets(installed: Path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from maskstream_command.group import main; main()",
            "weights",
            "list",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\nbrightest-blob " in done.stdout
    assert "\ndemo " in done.stdout


def test_killed_servers_continue_with_the_same_ids(
    tmp_path_factory: pytest.TempPathFactory, frames: list[np.ndarray]
):
    folder = tmp_path_factory.mktemp("family")
    options = ("--model", "brightest-blob")
    with running_redis(folder) as redis, storm(folder, redis, *options) as servers:
        expected = servers.stream(frames)
        seen = servers.stream(frames, servers.deeds(PLAN))
        assert len(servers.done) == 4
    ids = [[record.track_id for record, _ in each[3]] for each in expected.results]
    assert ids == [[1]] * 13 + [[]] + [[2]] * 10
    assert expected.num_resumed == 0
    assert seen.num_resumed >= 3
    assert (seen.num_resets, seen.num_dropped) == (0, 0)
    assert seen.results == expected.results


def test_a_whole_video_has_the_tracks_of_a_stream(tmp_path: Path, frames: list[np.ndarray]):
    clip = write_clip(tmp_path / "clip.mp4", frames)
    with server_processes(tmp_path, 1, "--model", "brightest-blob") as (server,):
        url = f"http://127.0.0.1:{server.port}"
        with Client(url) as client:
            streamed = {
                item.track_id for _, result in client.stream(clip) for item in result.objects
            }
            assert [info.name for info in client.classes.values()] == ["blob"]
        videos = Videos(url)
        video = videos.wait(videos.submit(clip))
        assert (video.state, video.frames_done) == ("done", NUM_FRAMES)
        lines = list(videos.results(video))
    tracks = {item.track_id for line in lines for item in line.objects}
    assert tracks == streamed == {1, 2}
