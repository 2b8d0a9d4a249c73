"""What `maskstream doctor` finds of a store: a real one, one away, and facts that are made up."""

from dataclasses import replace

import pytest

from maskstream_server.doctor.finding import Finding, healthy
from maskstream_server.doctor.store import (
    check_store,
    judge_clock,
    judge_memory,
    judge_persistence,
    judge_server,
)
from maskstream_server.stores.redis.facts import RedisFacts
from support.logs import logging_as_before
from support.redis_server import RedisServer, free_port, own_redis
from support.redis_user import documented_rights, url_of_user

__all__ = ["logging_as_before", "own_redis"]

pytestmark = pytest.mark.usefixtures("logging_as_before")

GOOD = RedisFacts(
    product="Redis",
    version_text="7.2.1",
    version=(7, 2),
    role="master",
    ping_s=0.0002,
    used_bytes=10,
    max_bytes=1000,
    policy="noeviction",
    append_only=True,
    fsync="always",
    skew_s=0.001,
)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_a_store_as_it_should_be():
    judges = (judge_server, judge_memory, judge_persistence, judge_clock)
    assert [judge(GOOD).grade for judge in judges] == ["ok"] * 4


@pytest.mark.parametrize(
    ("judge", "change", "grade", "advice"),
    [
        (judge_server, {"version": (6, 0)}, "failed", "Redis 7"),
        (judge_server, {"version": (6, 2)}, "warning", "Redis 7"),
        (judge_server, {"role": "slave"}, "failed", "primary"),
        (judge_server, {"ping_s": 0.05}, "warning", "nearer"),
        (judge_memory, {"policy": "allkeys-lru"}, "failed", "maxmemory-policy noeviction"),
        (judge_memory, {"max_bytes": None}, "warning", "CONFIG SET maxmemory"),
        (judge_memory, {"used_bytes": 800}, "failed", "raise maxmemory"),
        (judge_persistence, {"append_only": False}, "warning", "appendonly yes"),
        (judge_persistence, {"fsync": "everysec"}, "warning", "a second"),
        (judge_persistence, {"fsync": "no"}, "warning", "half a minute"),
        (judge_persistence, {"fsync": None}, "warning", "make sure"),
        (judge_clock, {"skew_s": -30.0}, "warning", "NTP"),
    ],
)
def test_what_is_wrong_with_a_store_and_what_to_do(judge, change, grade, advice):
    finding = judge(replace(GOOD, **change))
    assert finding.grade == grade
    assert advice in finding.advice


def test_the_store_of_this_process_is_enough_for_one_machine():
    assert healthy(check_store("memory"))


def test_a_real_redis_as_it_should_be(own_redis: RedisServer):
    own_redis.client().config_set("maxmemory", "100mb")
    findings = by_name(check_store(own_redis.url))
    assert {name: finding.grade for name, finding in findings.items()} == {
        "store": "ok",
        "store rights": "ok",
        "store memory": "ok",
        "store persistence": "ok",
        "store writing": "ok",
        "clock": "ok",
    }
    left = own_redis.client()
    assert all(0 < left.ttl(key) < 60 for key in left.scan_iter())


def test_a_redis_that_evicts_is_refused(own_redis: RedisServer):
    own_redis.client().config_set("maxmemory-policy", "allkeys-lru")
    finding = by_name(check_store(own_redis.url))["store memory"]
    assert finding.grade == "failed"
    assert "allkeys-lru" in finding.text


def test_a_redis_whose_user_has_the_documented_rights_and_no_others(own_redis: RedisServer):
    own_redis.client().config_set("maxmemory", "100mb")
    url = url_of_user(own_redis, *documented_rights())
    enough = by_name(check_store(url))
    bad = {finding.name for finding in enough.values() if finding.grade != "ok"}
    assert bad == {"store persistence"}
    assert "CONFIG GET" in enough["store persistence"].advice
    few = by_name(check_store(url_of_user(own_redis, *documented_rights(), "-info", "-time")))
    assert {name: finding.grade for name, finding in few.items()} == {
        "store": "ok",
        "store rights": "warning",
        "store memory": "warning",
        "store persistence": "warning",
        "store writing": "ok",
        "clock": "warning",
    }
    assert "INFO" in few["store rights"].text
    assert "TIME" in few["clock"].advice


def test_a_redis_user_who_lacks_what_is_needed_is_refused_with_what_it_lacks(
    own_redis: RedisServer,
):
    url = url_of_user(own_redis, *documented_rights(), "-zadd")
    rights = by_name(check_store(url))["store rights"]
    assert (rights.grade, "ZADD" in rights.text) == ("failed", True)
    assert healthy(check_store(url, videos=False))


def test_a_redis_that_cannot_write_is_found_out(own_redis: RedisServer):
    own_redis.client().config_set("min-replicas-to-write", "1")
    finding = by_name(check_store(own_redis.url))["store writing"]
    assert finding.grade == "failed"
    assert "NOREPLICAS" in finding.text


def test_a_store_that_is_away_or_has_no_address():
    (away,) = check_store(f"redis://:secret@127.0.0.1:{free_port()}")
    assert (away.name, away.grade) == ("store", "failed")
    assert "secret" not in away.text + away.advice
    (nowhere,) = check_store("redis://localhost:port")
    assert nowhere.grade == "failed"
