"""A store that is slow, full, read-only, or out of reach: what the user sees of it."""

import time
from collections.abc import Iterator

import pytest

from support.proxy import Proxy
from support.redis_server import RedisServer
from support.server import LiveServer, running_server
from support.wire_client import WireClient

BACK_WITHIN_S = 60


@pytest.fixture
def line(own_redis: RedisServer) -> Iterator[Proxy]:
    """The network between the server and its store."""
    with Proxy(own_redis.port) as proxy:
        yield proxy


@pytest.fixture
def server(line: Proxy) -> Iterator[LiveServer]:
    with running_server(store=f"redis://127.0.0.1:{line.port}/0", resume_ttl_s=8.0) as live:
        yield live


def ages(client: WireClient) -> list[int]:
    """Ages of the fake model's one track: they grow by one a frame in an unbroken memory."""
    return [result.objects[0].age for _, result in sorted(client.results.items())]


def wait_until_durable(client: WireClient) -> None:
    client.until(lambda: client.durable == client.sequence, BACK_WITHIN_S)


def test_a_store_that_takes_a_second_for_each_command_slows_no_result(
    server: LiveServer, line: Proxy
):
    with WireClient(server.ws_url) as client:
        line.delay_s = 1.0
        began_s = time.monotonic()
        for _ in range(60):
            client.step()
        # Were a result to wait for its commit, this would take 60 s.
        assert time.monotonic() - began_s < 40
        client.say(type="flush", id=1)
        client.until(lambda: "flushed" in client.kinds, BACK_WITHIN_S)
        wait_until_durable(client)
        assert "store_away" not in client.kinds
        line.delay_s = 0.0
    with WireClient(server.ws_url, resume=client.resume()) as again:
        assert (again.welcome["resumed"], again.welcome["next_sequence"]) == (True, 61)


def test_a_full_store_takes_nobody_new_and_keeps_those_it_has(
    server: LiveServer, own_redis: RedisServer
):
    with own_redis.client() as redis, WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
        used = redis.info("memory")["used_memory"]
        redis.config_set("maxmemory", int(used / 0.85))
        with pytest.raises(AssertionError, match=r"1013.*server_full"):
            WireClient(server.ws_url)
        client.step()
        wait_until_durable(client)
        assert "store_away" not in client.kinds
        # Now not even those that are there can be written any more.
        redis.config_set("maxmemory", 1)
        for _ in range(5):
            client.step()
        client.until(lambda: "store_away" in client.kinds)
        assert client.durable == 2
        redis.config_set("maxmemory", 0)
        client.until(lambda: "store_back" in client.kinds, BACK_WITHIN_S)
        wait_until_durable(client)
        assert ages(client) == list(range(1, 8))


def test_a_full_store_in_memory_takes_nobody_new_until_a_session_has_ended():
    with running_server(store_max_bytes=1024) as live:
        with WireClient(live.ws_url) as client:
            for _ in range(8):
                client.step()
            wait_until_durable(client)
            with pytest.raises(AssertionError, match=r"1013.*server_full"):
                WireClient(live.ws_url)
            client.step()
            wait_until_durable(client)
            client.say(type="bye")
            with pytest.raises(AssertionError, match=r"closed: .*1000"):
                client.until(lambda: False)
        with WireClient(live.ws_url) as another:
            another.step()


def test_a_store_that_became_a_replica_is_away_until_it_may_be_written_again(
    server: LiveServer, own_redis: RedisServer
):
    with own_redis.client() as redis, WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
        redis.replicaof("127.0.0.1", 1)
        for _ in range(5):
            client.step()
        client.until(lambda: "store_away" in client.kinds)
        with pytest.raises(AssertionError, match="1013"):
            WireClient(server.ws_url)
        redis.replicaof("NO", "ONE")
        client.until(lambda: "store_back" in client.kinds, BACK_WITHIN_S)
        wait_until_durable(client)
        assert ages(client) == list(range(1, 7))


def test_a_store_out_of_reach_for_longer_than_a_memory_lives_loses_nothing(
    server: LiveServer, line: Proxy, own_redis: RedisServer
):
    with WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
        line.cut()
        with own_redis.client() as redis:
            # As if it were cut off for so long: the store has let the session go meanwhile.
            redis.flushall()
        for _ in range(10):
            client.step()
        client.until(lambda: "store_away" in client.kinds)
        line.restore()
        client.until(lambda: "store_back" in client.kinds, BACK_WITHIN_S)
        wait_until_durable(client)
    with WireClient(server.ws_url, resume=client.resume(last_sequence=5)) as again:
        assert (again.welcome["resumed"], again.welcome["next_sequence"]) == (True, 12)
        again.step()
        assert [again.results[number].objects[0].age for number in range(6, 13)] == [*range(6, 13)]


def test_a_client_that_comes_back_while_the_store_is_away_is_reported_to_try_again(
    server: LiveServer, line: Proxy
):
    with WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
    line.cut()
    with pytest.raises(AssertionError, match=r"1013.*server_full"):
        WireClient(server.ws_url, resume=client.resume())
    line.restore()
    with WireClient(server.ws_url, resume=client.resume()) as again:
        assert again.welcome["resumed"]
        assert again.step().objects[0].age == 2
