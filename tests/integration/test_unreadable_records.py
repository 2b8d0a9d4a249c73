"""A record that cannot be read, seen from outside: shown, reported in a sentence, and removed."""

import json
from collections.abc import Iterator

import httpx
import pytest

from maskstream_client import RefusedError
from maskstream_client.video_commands import videos
from maskstream_client.videos import Videos
from support.raw_client import grey, raw_client
from support.redis_server import RedisServer
from support.server import running_server
from support.video_calls import call, sentence_of
from support.video_world import World, world


@pytest.fixture
def here(shared_redis: RedisServer, tmp_path) -> Iterator[World]:
    shared_redis.client().flushall()
    with world(store=shared_redis.url, data_folder=tmp_path) as made:
        yield made


@pytest.fixture
def damaged(here: World, shared_redis: RedisServer) -> str:
    """The older of two videos, with an option of a later version in its record."""
    video = here.submit("old.mp4").json()["id"]
    here.done(video)
    here.done(here.submit("new.mp4").json()["id"])
    key = f"mv:{{{video}}}:v"
    with shared_redis.client() as client:
        fields = json.loads(client.hget(key, "record"))
        fields["options"]["colours"] = "bright"
        client.hset(key, "record", json.dumps(fields))
    return video


def sentence_in(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (409, "video_unreadable")
    return answer.json()["detail"]


def test_it_is_shown_in_lists_and_reported_in_a_sentence_everywhere_else(here, damaged):
    answer = here.client.get("/v1/videos")
    assert answer.status_code == 200
    newest, other = answer.json()["videos"]
    assert (newest["name"], newest["state"]) == ("new.mp4", "done")
    assert (other["id"], other["state"]) == (damaged, "unreadable")
    assert "colours" in other["reason"]
    for path in ("", "/events", "/results", "/artifacts/ytvis.json"):
        sentence = sentence_in(here.client.get(f"/v1/videos/{damaged}{path}"))
        assert "DELETE removes it" in sentence
        assert "colours" in sentence


def test_it_is_deleted_with_its_files(here, damaged, tmp_path):
    assert (tmp_path / "videos" / damaged).is_dir()
    assert here.client.delete(f"/v1/videos/{damaged}").status_code == 204
    assert not (tmp_path / "videos" / damaged).exists()
    assert here.client.get(f"/v1/videos/{damaged}").status_code == 404
    assert len(here.client.get("/v1/videos").json()["videos"]) == 1


def test_the_python_client_copes_with_it(here, damaged):
    api = Videos(here.live.url)
    _, listed = api.list()
    assert (listed.id, listed.state, listed.ended) == (damaged, "unreadable", True)
    assert "colours" in listed.reason
    for wish in (api.get, api.wait, api.cancel, lambda video: api.download(video, "x")):
        with pytest.raises(RefusedError, match="cannot be read here"):
            wish(damaged)
    with pytest.raises(RefusedError, match="cannot be read here"):
        list(api.results(damaged))
    api.delete(damaged)
    assert [video.name for video in api.list()] == ["new.mp4"]


def test_the_commands_cope_with_it(here, damaged):
    url = ("--url", here.live.url)
    line = call(videos, "list", *url).stdout.splitlines()[1]
    assert line.startswith(f"{damaged}  unreadable")
    assert "colours" in line
    assert "DELETE removes it" in sentence_of(call(videos, "show", damaged, *url))
    assert call(videos, "delete", damaged, *url).exit_code == 0
    assert len(call(videos, "list", *url).stdout.splitlines()) == 1


async def test_a_session_that_cannot_be_read_is_shown_reported_and_deleted(
    shared_redis: RedisServer,
):
    shared_redis.client().flushall()
    with running_server(store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
        session = welcome["session"]
        with shared_redis.client() as redis, httpx.Client(base_url=live.url) as http:
            redis.hset(f"ms:{{{session}}}:s", "epoch", "first")
            (listed,) = http.get("/v1/sessions").json()["sessions"]
            assert (listed["session"], listed["readable"]) == (session, False)
            for method, what in (("GET", "state"), ("POST", "fork")):
                answer = http.request(method, f"/v1/sessions/{session}/{what}")
                assert (answer.status_code, "cannot be read" in answer.json()["detail"]) == (
                    409,
                    True,
                )
            assert http.delete(f"/v1/sessions/{session}").status_code == 204
            assert http.get("/v1/sessions").json()["sessions"] == []


@pytest.mark.parametrize(
    ("field", "value"), [("epoch", "first"), ("fence", "high"), ("p:session", '{"schema": 99}')]
)
async def test_the_client_of_a_damaged_session_begins_anew_and_is_notified(
    shared_redis: RedisServer, field: str, value: str
):
    shared_redis.client().flushall()
    with running_server(store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(grey())
            await client.flush()
        with shared_redis.client() as redis:
            redis.hset(f"ms:{{{welcome['session']}}}:s", field, value)
        with httpx.Client(base_url=live.url) as http:
            state = http.get(f"/v1/sessions/{welcome['session']}/state")
            assert state.status_code == (200 if field == "fence" else 409)
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": 1}
            again = await client.hello(resume=resume)
            assert (again["resumed"], again["next_sequence"]) == (False, 1)
            assert (await client.get("reset"))["reason"] == "state_lost"
