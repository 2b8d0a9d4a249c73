"""Sessions from outside: listed, taken out and brought back, forked, ended; on both stores."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from maskstream_client import AsyncClient, StreamOptions
from maskstream_model.parts_file import parts_to_file
from maskstream_model.port import StepInput
from support.raw_client import grey, raw_client
from support.raw_socket import connected
from support.server import FakeModel, LiveServer, running_server
from support.tiny import tiny_frames, tiny_model

FRAMES = tiny_frames(12, seed=3)
THREE = parts_to_file({"count": b"3"})
"""The memory of the fake model after three frames."""


@pytest.fixture(params=["memory", "redis"])
def store_url(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return "memory"
    redis = request.getfixturevalue("shared_redis")
    redis.client().flushall()
    return redis.url


@pytest.fixture
def server(store_url: str) -> Iterator[LiveServer]:
    with running_server(store=store_url) as live:
        yield live


async def call(
    live: LiveServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """One request; returns status, body (read where it is JSON) and headers."""

    def ask() -> tuple[int, Any, dict[str, str]]:
        url = f"{live.url}/v1/sessions{path}"
        request = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                status, data, head = answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                status, data, head = error.code, error.read(), error.headers
        is_json = head.get_content_type().endswith("json")
        return status, json.loads(data) if is_json and data else data, dict(head)

    return await asyncio.to_thread(ask)


async def problem(live: LiveServer, method: str, path: str, body: bytes | None = None) -> tuple:
    status, answer, head = await call(live, method, path, body)
    assert head["content-type"] == "application/problem+json"
    assert answer["detail"].endswith(".")
    return status, answer["detail"]


async def test_sessions_are_listed_with_where_they_stand(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        await client.answer(grey())
        await client.flush()
        _, answer, _ = await call(server, "GET", "")
        (listed,) = answer["sessions"]
        assert (listed["session"], listed["sequence"]) == (welcome["session"], 1)
        assert listed["owner"] == server.service.owner
    for asked in ("limit=0", "limit=1001", "limit=many", "limit=", "here=perhaps", "here="):
        status, detail = await problem(server, "GET", f"?{asked}")
        assert (status, asked.partition("=")[0] in detail) == (422, True)


async def test_those_that_stream_here_are_listed_with_what_a_viewer_wants_to_know(store_url):
    key = "a-key-for-testing"
    bearer, other = {"Authorization": f"Bearer {key}"}, {"Authorization": f"Bearer {key}-too"}
    settings = {"store": store_url, "api_keys": f"{key}, {key}-too"}
    with running_server(**settings) as here, running_server(**settings) as there:
        async with (
            raw_client(here.ws_url, additional_headers=bearer) as client,
            raw_client(here.ws_url, additional_headers=other) as of_another_key,
            raw_client(there.ws_url, additional_headers=bearer) as elsewhere,
        ):
            welcome = await client.hello()
            await of_another_key.hello()
            await elsewhere.hello()
            (new,) = (await call(here, "GET", "?here=true", **bearer))[1]["sessions"]
            assert new["live"]["fps"] is new["live"]["width"] is None
            for _ in range(4):
                await client.answer(grey(height=36, width=64))
            (listed,) = (await call(here, "GET", "?here=true", **bearer))[1]["sessions"]
            live = listed.pop("live")
            assert live.pop("fps") > 0
            assert live.pop("connected_s") > new["live"]["connected_s"] >= 0
            assert live == {"model": "fake", "width": 64, "height": 36, "tracks": 1}
            assert listed == {
                "session": welcome["session"],
                "epoch": 1,
                "sequence": 4,
                "owner": here.service.owner,
                "expires_ms": 120_000,
                "readable": True,
            }
            _, all_of_the_store, _ = await call(here, "GET", "", **bearer)
            lives = {each["session"]: each["live"] for each in all_of_the_store["sessions"]}
            assert len(lives) == (2 if store_url == "memory" else 3)
            assert [name for name, live in lives.items() if live] == [welcome["session"]]


async def test_an_ended_session_is_gone_and_its_client_is_reported(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        await client.answer(grey())
        path = f"/{welcome['session']}"
        assert (await call(server, "DELETE", path))[0] == 204
        assert (await client.end(), client.error_codes) == (4409, ["taken_over"])
        assert (await problem(server, "DELETE", path))[0] == 404
    async with raw_client(server.ws_url) as again:
        resume = {"token": welcome["resume_token"], "last_sequence": 1}
        assert not (await again.hello(resume=resume))["resumed"]


async def test_a_fork_continues_with_the_same_tracks_and_leaves_the_other_alone(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        welcome = await client.hello()
        for _ in range(3):
            await client.answer(grey())
        await client.flush()
        status, made, _ = await call(server, "POST", f"/{welcome['session']}/fork")
        assert (status, made["next_sequence"], made["epoch"]) == (201, 4, 1)
        async with raw_client(server.ws_url) as other:
            resume = {"token": made["resume_token"], "last_sequence": 3}
            forked = await other.hello(resume=resume)
            assert (forked["resumed"], forked["next_sequence"]) == (True, 4)
            assert forked["session"] == made["session"] != welcome["session"]
            ages = [(await other.answer(grey())).tracks[0].age for _ in range(2)]
            assert ages == [4, 5]
        assert (await client.answer(grey())).tracks[0].age == 4


async def test_a_new_session_can_be_forked_and_its_state_read(server: LiveServer):
    async with raw_client(server.ws_url) as client:
        path = f"/{(await client.hello())['session']}"
        made = (await call(server, "POST", f"{path}/fork"))[1]
        assert made["next_sequence"] == 1
        status, blob, head = await call(server, "GET", f"{path}/state")
        assert (status, blob, head["maskstream-sequence"]) == (
            200,
            parts_to_file({"count": b"0"}),
            "0",
        )


async def test_a_state_that_was_taken_out_continues_elsewhere_with_the_same_masks():
    with running_server(tiny_model(), deterministic=True) as first:
        async with AsyncClient(first.url, StreamOptions(min_score=0.0, picture="png")) as client:
            expected = []
            for number, frame in enumerate(FRAMES, 1):
                await client.send(frame)
                result = await client.receive()
                if number > 6:
                    expected.append(seen(result))
                if number == 6:
                    await client.flush()
                    session = (await call(first, "GET", ""))[1]["sessions"][0]["session"]
                    _, blob, head = await call(first, "GET", f"/{session}/state")
    assert head["maskstream-sequence"] == "6"
    with running_server(tiny_model(), deterministic=True) as second:
        status, made, _ = await call(second, "PUT", "/brought/state", blob)
        assert (status, made["session"], made["next_sequence"]) == (201, "brought", 1)
        token = made["resume_token"]
        options = StreamOptions(min_score=0.0, picture="png", resume_token=token)
        async with AsyncClient(second.url, options) as client:
            found = []
            for frame in FRAMES[6:]:
                await client.send(frame)
                found.append(seen(await client.receive()))
    assert found == expected
    assert any(expected)


def seen(result: Any) -> list[tuple[int, int, bytes]]:
    return [(each.track_id, each.age, each.mask().tobytes()) for each in result.visible]


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("brought", THREE.replace(b"count", b"cound"), 422, "no count"),
        ("brought", b"", 422, "damaged"),
        ("not.a.name", THREE, 422, "letters and digits"),
        ("x" * 65, THREE, 422, "64"),
        ("taken", THREE, 409, "choose another"),
    ],
)
async def test_a_state_that_cannot_be_brought_is_refused_in_a_sentence(
    server: LiveServer, name: str, body: bytes, status: int, words: str
):
    assert (await call(server, "PUT", "/taken/state", THREE))[0] == 201
    answer = await problem(server, "PUT", f"/{name}/state", body)
    assert answer[0] == status
    assert words in answer[1]
    assert len((await call(server, "GET", ""))[1]["sessions"]) == 1


async def test_a_state_beyond_the_limit_is_refused_before_it_is_read_whole(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("maskstream_server.routes.sessions.MAX_STATE_BYTES", 1000)
    status, detail = await problem(server, "PUT", "/big/state", b"1" * 1001)
    assert (status, "1000" in detail) == (413, True)


async def test_states_that_are_brought_at_once_have_a_limit_together(
    server: LiveServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("maskstream_server.routes.sessions.MAX_STATES_BYTES", 1000)
    head = "PUT /v1/sessions/a/state HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n"
    with connected(server.url) as link:
        link.sendall(head.encode() + bytes(800))

        async def refused() -> bool:
            status, answer, _ = await call(server, "PUT", "/b/state", b"1" * 300)
            return (status, answer.get("code")) == (503, "server_full")

        async with asyncio.timeout(30):
            while not await refused():  # the other's bytes may still be on the way
                assert (await call(server, "DELETE", "/b"))[0] == 204
    async with asyncio.timeout(30):
        while await refused():
            pass


async def test_the_state_of_another_model_says_whose_it_is():
    with running_server(tiny_model(seed=1)) as live:
        model = tiny_model()
        blob = parts_to_file(model.to_parts(model.begin()))
        status, detail = await problem(live, "PUT", "/other/state", blob)
        assert status == 422
        assert model.info.fingerprint in detail


async def test_a_state_with_more_tracks_than_the_server_allows_is_refused():
    model = tiny_model()
    (output,) = model.step([StepInput(FRAMES[:6], model.begin())])
    blob, most = parts_to_file(model.to_parts(output.state)), output.state.num_tracks
    for max_tracks, status in ((most, 201), (most - 1, 422)):
        with running_server(tiny_model(), max_tracks=max_tracks) as live:
            answered, answer, _ = await call(live, "PUT", "/brought/state", blob)
            assert answered == status
            if status == 422:
                assert answer["detail"].startswith(f"The state has {most} tracks")
                assert (await call(live, "GET", ""))[1]["sessions"] == []


@pytest.mark.parametrize("path", ["/nobody/state", "/no.name/state"])
async def test_an_unknown_session_is_reported(server: LiveServer, path: str):
    assert (await problem(server, "GET", path))[0] == 404
    assert (await problem(server, "POST", path.replace("state", "fork")))[0] == 404


async def test_with_keys_set_only_their_holders_may():
    with running_server(api_keys="a-key-for-testing") as live:
        for method, path in [("GET", ""), ("DELETE", "/a"), ("POST", "/a/fork")]:
            assert (await problem(live, method, path))[0] == 401
        for method in ("GET", "PUT"):
            assert (await problem(live, method, "/a/state"))[0] == 401
        assert (await call(live, "GET", "", Authorization="Bearer a-key-for-testing"))[0] == 200
    with running_server() as live:
        assert (await call(live, "GET", "", Origin="https://else.example"))[0] == 403


async def test_while_the_store_is_away_that_is_what_is_reported(own_redis):
    with running_server(FakeModel(), store=own_redis.url) as live:
        own_redis.stop()
        for method, path in [("GET", ""), ("GET", "/a/state"), ("PUT", "/a/state")]:
            status, answer, _ = await call(live, method, path, THREE if method == "PUT" else None)
            assert (status, answer["code"]) == (503, "store_away")
        own_redis.start()
