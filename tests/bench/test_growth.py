"""The report of `maskstream bench growth`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from maskstream_bench import growth as module
from maskstream_bench.crowd import Crowd, load_crowded
from maskstream_bench.growth import PARTS, growth
from support.tiny import tiny_frames


@pytest.fixture(scope="module")
def crowded():
    return load_crowded("demo", "random")


def test_a_crowd_has_the_tracks_that_are_asked_for_and_keeps_them(crowded):
    crowd = Crowd(crowded, tiny_frames(4), 30, sessions=3, at_once=2)
    for _ in range(3):
        crowd.step()
        assert [len(result.tracks.track_ids) for result in crowd.results] == [30, 30]
    # Sessions take turns: 0 and 1, 2 and 0, 1 and 2.
    assert {state.num_frames for state in crowd.states} == {crowd.states[0].num_frames}
    before = crowd.states[0]
    crowd.track(crowd.prepared())
    assert crowd.states[0] is before
    assert crowd.memory_bytes() > 30 * 96 * 4


def test_more_tracks_than_queries_can_bring_are_an_error(crowded, monkeypatch):
    monkeypatch.setattr("maskstream_bench.crowd.MOST_FRAMES", 1)
    with pytest.raises(ValueError, match="finds fewer than 30 tracks in 1 frames"):
        Crowd(crowded, tiny_frames(2), 30)


@pytest.mark.slow
def test_each_thing_that_grows_has_points_and_slopes(monkeypatch, clip: Path):
    monkeypatch.setattr(module, "TRACKS", (1, 5))
    monkeypatch.setattr(module, "SESSIONS", (1, 3))
    monkeypatch.setattr(module, "SIZES", ((96, 64), (192, 128)))
    asked = [str(clip), "--weights", "random", "--rounds", "1", "--frames", "20"]
    done = CliRunner().invoke(growth, asked)
    assert done.exit_code == 0, done.output
    runs = json.loads(done.output)["runs"]
    assert list(runs) == ["reference", "tracks", "sessions", "megapixels", "length"]
    for axis in list(runs)[1:]:
        run = runs[axis]
        assert len(run["x"]) == len(run["step_ms"]) == len(run["memory_kib"])
        assert min(run["step_ms"]) > 0
    assert runs["tracks"]["memory_kib_per_x"] > 0.5
    assert runs["length"]["x"] == [2 * (part + 1) for part in range(PARTS)]
    assert runs["length"]["memory_kib_per_x"] == 0
