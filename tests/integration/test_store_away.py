"""Redis ends under a stream and returns: results continue, nothing is lost, nothing is hidden."""

import pytest

from support.redis_server import RedisServer
from support.server import LiveServer, running_server
from support.wire_client import WireClient

# Commits are tried again twice a second.
BACK_WITHIN_S = 60


@pytest.fixture
def server(own_redis: RedisServer):
    with running_server(store=own_redis.url) as live:
        yield live


def ages(client: WireClient, first: int, last: int) -> list[int]:
    """Ages of the fake model's one track: they grow by one a frame in an unbroken memory."""
    return [client.results[sequence].objects[0].age for sequence in range(first, last + 1)]


def wait_until_durable(client: WireClient) -> None:
    client.until(lambda: client.durable == client.sequence, BACK_WITHIN_S)


def test_results_become_durable_while_the_store_is_there(server: LiveServer):
    with WireClient(server.ws_url) as client:
        for _ in range(5):
            client.step()
        wait_until_durable(client)
        assert "store_away" not in client.kinds


def test_results_continue_without_the_store_and_commits_catch_up(
    server: LiveServer, own_redis: RedisServer
):
    with WireClient(server.ws_url) as client:
        for _ in range(5):
            client.step()
        wait_until_durable(client)
        own_redis.kill()
        results = [client.step() for _ in range(15)]
        assert not any(result.durable for result in results)
        assert client.durable == 5
        client.until(lambda: "store_away" in client.kinds)
        assert server.metric("maskstream_sessions_without_store") == 1
        own_redis.start()
        client.until(lambda: "store_back" in client.kinds, BACK_WITHIN_S)
        wait_until_durable(client)
        assert client.durable == 20
        client.step()
        wait_until_durable(client)
        assert ages(client, 1, 21) == list(range(1, 22))
        assert client.kinds.count("store_away") == client.kinds.count("store_back") == 1
        assert server.metric("maskstream_sessions_without_store") == 0


def test_a_server_that_dies_later_leaves_what_had_caught_up(own_redis: RedisServer):
    with running_server(store=own_redis.url) as first:
        client = WireClient(first.ws_url)
        client.step()
        own_redis.kill()
        for _ in range(10):
            client.step()
        own_redis.start()
        wait_until_durable(client)
        client.close()
    with (
        running_server(store=own_redis.url) as second,
        WireClient(second.ws_url, resume=client.resume(last_sequence=8)) as again,
    ):
        assert again.welcome["resumed"]
        assert again.welcome["next_sequence"] == 12
        again.step()
        # The results that this client says it has not seen are repeated, then it continues.
        assert sorted(again.results) == [9, 10, 11, 12]
        assert ages(again, 9, 12) == [9, 10, 11, 12]


def test_an_emptied_store_gets_the_session_again(server: LiveServer, own_redis: RedisServer):
    with WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
        own_redis.client().flushall()
        client.step()
        wait_until_durable(client)
    with WireClient(server.ws_url, resume=client.resume()) as again:
        assert again.welcome["resumed"]
        assert again.welcome["next_sequence"] == 3
        assert again.step().objects[0].age == 3


def test_a_store_that_hangs_holds_up_no_result(server: LiveServer, own_redis: RedisServer):
    with WireClient(server.ws_url) as client:
        client.step()
        wait_until_durable(client)
        own_redis.pause()
        try:
            for _ in range(10):
                client.step()
            client.until(lambda: "store_away" in client.kinds)
        finally:
            own_redis.resume()
        wait_until_durable(client)
        assert ages(client, 1, 11) == list(range(1, 12))


def test_flushed_waits_for_the_store(server: LiveServer, own_redis: RedisServer):
    with WireClient(server.ws_url) as client:
        client.step()
        own_redis.kill()
        client.step()
        client.say(type="flush", id=7)
        client.until(lambda: "store_away" in client.kinds)
        assert "flushed" not in client.kinds
        own_redis.start()
        client.until(lambda: "flushed" in client.kinds, BACK_WITHIN_S)
        assert client.notices[-1] == {"type": "flushed", "id": 7, "sequence": 2}


def test_nobody_new_comes_in_while_the_store_is_away(server: LiveServer, own_redis: RedisServer):
    with WireClient(server.ws_url) as client:
        client.step()
        own_redis.kill()
        with pytest.raises(AssertionError, match="1013"):
            WireClient(server.ws_url)
        client.step()
        own_redis.start()
        with WireClient(server.ws_url) as late:
            assert late.step().objects[0].age == 1
