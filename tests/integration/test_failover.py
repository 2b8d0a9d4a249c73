"""The headline, with real processes: servers die, freeze and leave, and the client notices nothing.

All tests share two servers; one that ends a server starts it again.
"""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import pytest

from maskstream_client import RetryRules
from maskstream_client.pictures import PacketCodec
from support.chaos import Outcome, Plan, Storm, clip_frames, storm
from support.redis_server import RedisServer, running_redis
from support.serving import ServerProcess

NUM_FRAMES = 24
FIRST = 18  # Two cars are in the picture, a third one comes.
LEASE_S = 5.0


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storm]:
    folder = tmp_path_factory.mktemp("failover")
    with running_redis(folder) as redis, storm(folder, redis) as both:
        yield both


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return clip_frames(NUM_FRAMES, FIRST)


@pytest.fixture(scope="module")
def expected(servers: Storm, frames: list[np.ndarray]) -> Outcome:
    """What an undisturbed client sees."""
    outcome = servers.stream(frames)
    assert outcome.num_objects > 0
    assert (outcome.num_resumed, outcome.num_resets) == (0, 0)
    return outcome


def check(seen: Outcome, expected: Outcome, num_resumed: int) -> None:
    """Nothing is lost, nothing is new, and the client was really disturbed."""
    assert (seen.num_dropped, seen.num_resets) == (0, 0)
    assert seen.num_resumed >= num_resumed
    count = len(seen.results)
    assert [each[0] for each in seen.results] == list(range(count))
    assert seen.results == expected.results[:count]


@pytest.mark.slow
def test_killed_servers_and_a_killed_redis_lose_nothing(
    servers: Storm, frames: list[np.ndarray], expected: Outcome
):
    plan = Plan.draw(5, NUM_FRAMES, num_kills=2, cut_s=1.0)
    seen = servers.stream(frames, servers.deeds(plan))
    assert len(servers.done) == 4
    assert len(seen.results) == NUM_FRAMES
    check(seen, expected, num_resumed=3)
    servers.wait_ready()


@pytest.mark.parametrize("codec", ["h264", "vp9"])
def test_a_video_of_units_continues_on_another_server_as_if_nothing_had_happened(
    servers: Storm, frames: list[np.ndarray], codec: PacketCodec
):
    expected = servers.stream(frames, codec=codec)
    assert expected.num_objects > 0
    plan = Plan(0, NUM_FRAMES, kills=(9, 16), redis_restart=0, cut=12, cut_s=0.5)
    deeds = servers.deeds(plan)
    del deeds[0]
    seen = servers.stream(frames, deeds, codec=codec)
    assert len(seen.results) == NUM_FRAMES
    check(seen, expected, num_resumed=2)
    servers.wait_ready()


def leave(server: ServerProcess) -> int:
    """Stop a server with SIGTERM and start it again; returns its exit status."""
    status = server.terminate(within_s=60)
    server.start()
    return status


@pytest.mark.parametrize("store_hangs", [False, True])
def test_a_server_that_is_stopped_hands_its_sessions_over_in_time(
    servers: Storm, frames: list[np.ndarray], expected: Outcome, store_hangs: bool
):
    ends: list[Future[int]] = []

    def stop() -> None:
        if store_hangs:
            servers.redis.pause()
        ends.append(pool.submit(leave, servers.servers[servers.holder()]))
        ends[0].add_done_callback(lambda _: servers.redis.resume())

    with ThreadPoolExecutor() as pool:
        seen = servers.stream(frames[:12], {6: stop})
    servers.wait_ready()
    check(seen, expected, num_resumed=1)
    assert ends[0].result() == 0


def test_a_server_frozen_beyond_its_lease_comes_back_and_harms_no_other(
    servers: Storm, frames: list[np.ndarray], expected: Outcome
):
    frozen: list[ServerProcess] = []

    def freeze() -> None:
        frozen.append(servers.servers[servers.holder()])
        frozen[0].signal(signal.SIGSTOP)

    def thaw() -> None:
        # The others have long gone on when it wakes up with the session in its hands.
        time.sleep(LEASE_S)
        frozen[0].signal(signal.SIGCONT)

    rules = RetryRules(first_delay_s=0.1, max_delay_s=0.5, dead_after_s=1.0)
    seen = servers.stream(frames[:20], {5: freeze, 12: thaw}, rules)
    check(seen, expected, num_resumed=1)
    assert frozen[0].is_running
    again = servers.stream(frames[:3])
    check(again, expected, num_resumed=0)


def test_the_store_holds_no_session_that_said_bye(servers: Storm, expected: Outcome):
    redis: RedisServer = servers.redis
    with redis.client() as client:
        assert [key for key in client.scan_iter() if client.hexists(key, "token")] == []
