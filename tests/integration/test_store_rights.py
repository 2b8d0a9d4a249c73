"""Servers whose user of the Redis has few rights: enough of them, and less than that."""

import httpx
import numpy as np
import pytest
from click import Command
from click.testing import CliRunner

from maskstream_server.commands import serve, worker
from maskstream_server.jobs.queue import NAME
from maskstream_server.stores.redis.needs import (
    SCRIPTING,
    queue_needs,
    session_needs,
    video_needs,
)
from support.fake_video import FakeDecoder
from support.logs import logging_as_before
from support.raw_client import RawClient, grey, raw_client
from support.redis_server import RedisServer, own_redis
from support.redis_user import documented_rights, url_of_user
from support.server import LiveServer, running_server
from support.video_world import world

__all__ = ["logging_as_before", "own_redis"]

NEEDS = [SCRIPTING, *session_needs("t"), *video_needs("t"), *queue_needs(NAME, "t")]
PATTERNS = [rule for rule in documented_rights() if rule[0] in "~&"]
WITHOUT_VIEWERS = [rule for rule in PATTERNS if rule != "&ms:*"]
THREE_FRAMES = [np.zeros((32, 48, 3), np.uint8)] * 3


def commands(dispensable: bool) -> list[str]:
    """Each command that is known to be needed, by its name, and no other one."""
    known = [each[0] for need in NEEDS if dispensable or not need.use for each in need.commands]
    return ["-@all", *(f"+{name}" for name in sorted(set(known)))]


def viewer_of(live: LiveServer, client: RawClient) -> str:
    return live.ws_url.replace("/v1/stream", f"/v1/sessions/{client.welcome['session']}/watch")


async def test_everything_works_with_the_rights_that_are_asked_for(own_redis: RedisServer):
    url = url_of_user(own_redis, *commands(dispensable=True), *PATTERNS)
    with running_server(store=url) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            await client.answer(grey())
            async with raw_client(viewer_of(live, client)) as viewer:
                await viewer.get("watching")
                await client.answer(grey())
                assert (await viewer.result()).sequence == 2
            assert client.welcome["session"] in live.get("/v1/sessions")
            await client.say(type="bye")
            assert await client.end() == 1000


async def test_a_session_lives_on_without_what_can_be_done_without(own_redis: RedisServer):
    url = url_of_user(own_redis, *commands(dispensable=False), *WITHOUT_VIEWERS)
    with running_server(store=url) as first, running_server(store=url) as second:
        async with raw_client(first.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
        async with raw_client(second.ws_url) as client:
            token = {"session": welcome["session"], "token": welcome["resume_token"]}
            resumed = await client.hello(resume={**token, "epoch": 1, "last_sequence": 1})
            assert (resumed["resumed"], resumed["next_sequence"]) == (True, 2)
            await client.answer(grey())
            await client.flush()
            memory = f"ms:{{{welcome['session']}}}:s"
            assert own_redis.client().hget(memory, "sequence") == b"2"
            async with raw_client(viewer_of(second, client)) as viewer:
                assert await viewer.end() == 4403
                assert viewer.error_codes == ["forbidden"]
        own_redis.client().set("ms:{broken}:s", "no session")
        assert httpx.delete(f"{second.url}/v1/sessions/broken").status_code == 204
        assert not own_redis.client().exists("ms:{broken}:s")
        with pytest.raises(Exception, match="501"):
            second.get("/v1/sessions")
        assert "maskstream_store_used_bytes NaN" in second.get("/metrics")


@pytest.mark.parametrize("dispensable", [True, False])
def test_a_video_is_done_and_another_cancelled(own_redis: RedisServer, tmp_path, dispensable: bool):
    patterns = PATTERNS if dispensable else WITHOUT_VIEWERS
    url = url_of_user(own_redis, *commands(dispensable), *patterns)
    decoder = FakeDecoder(THREE_FRAMES, announced=3)
    with world(decoder, store=url, data_folder=tmp_path) as made:
        assert made.done(made.submit().json()["id"])["state"] == "done"
        decoder.on_frame = lambda index: made.go_on.wait(30)
        video = made.submit(headers={"Idempotency-Key": "one"}).json()["id"]
        made.until(video, lambda record: record["state"] == "running")
        assert made.client.delete(f"/v1/videos/{video}").json()["state"] == "cancelled"
        made.go_on.set()
        assert made.client.delete(f"/v1/videos/{video}").status_code == 204
        assert len(made.client.get("/v1/videos").json()["videos"]) == 1


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("command", [serve, worker])
@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (["-zadd"], "(ZADD)"),
        (["resetkeys", "~ms:*"], f"(keys mv:*, keys {NAME}:*)"),
        (["off"], "does not let its user in"),
    ],
)
def test_without_enough_rights_nothing_starts_and_one_sentence_says_why(
    own_redis: RedisServer, tmp_path, command: Command, rules: list[str], named: str
):
    url = url_of_user(own_redis, *documented_rights(), *rules)
    options = ["--store", url, "--data-folder", str(tmp_path), "--weights", "random"]
    done = CliRunner().invoke(command, options, env={"MASKSTREAM_PORT": "0"})
    assert done.exit_code == 1
    (line,) = done.output.strip().splitlines()
    assert named in line
    assert "password%20for" not in line
