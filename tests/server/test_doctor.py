"""What `maskstream doctor` finds, on this machine and on ones that are made up or broken."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from maskstream_server.config.settings import Settings
from maskstream_server.doctor import codecs, machine, network
from maskstream_server.doctor.finding import Finding, healthy
from maskstream_server.doctor.folder import check_folder
from maskstream_server.doctor.store import (
    check_store,
    judge_clock,
    judge_memory,
    judge_persistence,
    judge_server,
)
from maskstream_server.media.limits import VideoLimits
from maskstream_server.stores.redis.facts import RedisFacts
from support.logs import logging_as_before
from support.redis_server import RedisServer, free_port, own_redis, shared_redis
from support.redis_user import documented_rights, url_of_user
from support.server import running_server

__all__ = ["logging_as_before", "own_redis", "shared_redis"]

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


def by_name(findings: Iterator[Finding] | list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


# The store.


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


# Who may come in, and the port.


@pytest.mark.parametrize(
    ("settings", "grade", "words"),
    [
        ({}, "ok", "only this machine"),
        ({"host": "0.0.0.0", "api_keys": "a-key-for-testing"}, "ok", "1 API keys"),
        ({"host": "0.0.0.0", "insecure": True}, "warning", "every client"),
        ({"host": "0.0.0.0"}, "failed", "anyone who reaches 0.0.0.0"),
    ],
)
def test_who_may_come_in(settings, grade, words):
    (finding,) = network.check_access(Settings(**settings))
    assert (finding.grade, words in finding.text) == (grade, True)
    assert ("--insecure" in finding.advice) == (grade == "failed")


def test_a_free_port():
    (finding,) = network.check_port("127.0.0.1", free_port())
    assert finding.grade == "ok"


def test_a_port_that_another_program_uses():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        (finding,) = network.check_port("127.0.0.1", taken.getsockname()[1])
    assert finding.grade == "failed"
    assert "--port" in finding.advice


def test_a_port_where_a_server_of_ours_listens():
    with running_server() as live:
        port = int(live.url.rpartition(":")[2])
        (finding,) = network.check_port("127.0.0.1", port)
    assert finding.grade == "ok"
    assert "Maskstream" in finding.text


def test_the_receiver_of_traces():
    assert network.check_traces(None) == []
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        url = f"http://127.0.0.1:{receiver.getsockname()[1]}"
        assert network.check_traces(url)[0].grade == "ok"
    assert network.check_traces(url)[0].grade == "warning"


# Device and codecs.


def test_a_processor_computes_everywhere():
    device, drivers = machine.check_device("cpu")
    assert device.grade in ("ok", "warning")
    assert drivers.grade == "ok"


def test_a_gpu_that_torch_does_not_see_is_reported_with_its_reason(monkeypatch):
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "no CUDA" in machine.check_device("cuda")[0].text
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "--gpus all" in machine.check_device("cuda")[0].advice
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert "not among the 1" in machine.check_device("cuda:3")[0].text


@pytest.mark.parametrize(
    ("script", "grade", "text"),
    [
        ("echo 550.54", "ok", "NVIDIA 550.54"),
        ("echo no devices were found; exit 6", "failed", "no devices"),
        ("exit 9", "failed", "exit code 9"),
    ],
)
def test_the_driver_is_asked_by_its_own_tool(tmp_path, monkeypatch, script, grade, text):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    finding = machine.check_device("cuda")[1]
    assert finding.grade == grade
    assert text in finding.text


def test_every_codec_is_really_tried(monkeypatch):
    assert [f.grade for f in (*codecs.check_pictures(), *codecs.check_videos())] == ["ok"] * 2
    monkeypatch.setattr(codecs, "can_decode", lambda name: name != "hevc")
    (videos,) = codecs.check_videos()
    assert (videos.grade, "hevc" in videos.advice) == ("warning", True)

    def broken(*args: object, **options: object) -> None:
        raise OSError("encoder webp not available")

    monkeypatch.setattr(codecs.PictureWorker, "decode", broken)
    (pictures,) = codecs.check_pictures()
    assert (pictures.grade, "webp" in pictures.text) == ("failed", True)
    monkeypatch.setattr(codecs, "VIDEO_LIMITS", VideoLimits(max_frames=1))
    (videos,) = codecs.check_videos()
    assert (videos.grade, "more than 1 frames" in videos.text) == ("failed", True)


def test_a_folder_for_videos(tmp_path: Path):
    (finding,) = check_folder(tmp_path / "new", "memory", 0)
    assert (finding.grade, list((tmp_path / "new").iterdir())) == ("ok", [])
    (full,) = check_folder(tmp_path, "memory", 1 << 60)
    assert (full.grade, "delete videos" in full.advice) == ("failed", True)
    (tmp_path / "file").touch()
    assert check_folder(tmp_path / "file" / "in it", "memory", 0)[0].grade == "failed"
    assert check_folder(None, "memory", 0)[0].grade == "ok"
    assert check_folder(None, "redis://host", 0)[0].grade == "warning"
