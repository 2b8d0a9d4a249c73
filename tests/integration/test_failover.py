"""The headline: servers die, Redis restarts, the line is cut, and the client notices nothing."""

from pathlib import Path

import pytest

from support.chaos import Plan, clip_frames, storm
from support.redis_server import RedisServer

NUM_FRAMES = 36
FIRST = 52  # A car is in the picture from here on.


def test_two_servers_and_a_redis_lose_nothing_when_they_are_killed(
    tmp_path: Path, own_redis: RedisServer, request: pytest.FixtureRequest
):
    frames = clip_frames(_test_data(request), NUM_FRAMES, FIRST)
    with storm(tmp_path, own_redis) as servers:
        expected = servers.stream(frames)
        seen = servers.stream(frames, Plan.draw(5, NUM_FRAMES, num_kills=2, cut_s=1.0))
    assert expected.num_objects > 0
    assert len(servers.done) == 4
    assert seen.num_resumed >= 3
    assert (seen.num_dropped, seen.num_resets) == (0, 0)
    assert [each[0] for each in seen.results] == list(range(NUM_FRAMES))
    assert seen.results == expected.results


def _test_data(request: pytest.FixtureRequest) -> Path | None:
    try:
        return request.getfixturevalue("test_data")
    except pytest.skip.Exception:
        return None
