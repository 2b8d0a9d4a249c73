"""A server that a proxy shows under a path, which the proxy passes on or takes away."""

from collections.abc import Iterator

import httpx
import pytest

from support.raw_client import grey, raw_client
from support.server import LiveServer, running_server

TUS = {"Tus-Resumable": "1.0.0", "Upload-Length": "3"}


@pytest.fixture(scope="module")
def live() -> Iterator[LiveServer]:
    with running_server(root_path="mask/") as server:
        yield server


@pytest.fixture(params=["/mask", ""], ids=["passed on", "taken away"])
def client(live: LiveServer, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live.url + request.param, timeout=30) as made:
        yield made


def test_every_address_that_the_server_gives_is_below_the_path(
    live: LiveServer, client: httpx.Client
):
    made = client.post("/v1/uploads", headers=TUS)
    assert made.headers["location"].startswith("/mask/v1/uploads/")
    assert httpx.head(live.url + made.headers["location"], headers=TUS).status_code == 200
    made = client.post("/v1/videos", files={"file": ("a.mp4", b"a video")})
    assert made.headers["location"] == f"/mask/v1/videos/{made.json()['id']}"
    assert httpx.get(live.url + made.headers["location"]).status_code == 200
    assert client.get("/openapi.json").json()["servers"] == [{"url": "/mask"}]
    moved = client.get("/v1/videos/")
    assert (moved.status_code, httpx.URL(moved.headers["location"]).path) == (
        307,
        "/mask/v1/videos",
    )


def test_health_and_metrics_are_there_too(client: httpx.Client):
    assert client.get("/healthz").json() == {"ok": True}
    assert "maskstream_slots_free" in client.get("/metrics").text


@pytest.mark.parametrize("path", ["/mask", ""])
async def test_streams_and_viewers_come_in_below_the_path(live: LiveServer, path: str):
    base = live.url.replace("http", "ws") + path
    async with raw_client(f"{base}/v1/stream") as streaming:
        welcome = await streaming.hello()
        await streaming.answer(grey())
        url = welcome["model"]["classes_url"]
        assert url == "/mask/v1/models/fake"
        assert httpx.get(live.url + url).json()["classes"]
        async with raw_client(f"{base}/v1/sessions/{welcome['session']}/watch") as viewer:
            assert (await viewer.get("watching"))["model"] == welcome["model"]


@pytest.mark.parametrize("path", ["/masks/v1/videos", "/other/v1/videos", "/mask/mask/v1/videos"])
def test_a_path_that_only_looks_like_it_is_not_found(live: LiveServer, path: str):
    assert httpx.get(live.url + path).status_code == 404


def test_the_page_is_below_the_path_with_and_without_its_slash(
    live: LiveServer, client: httpx.Client
):
    answer = client.get("/client/index.js")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    moved = httpx.get(f"{live.url}/mask")
    assert (moved.status_code, httpx.URL(moved.headers["location"]).path) == (307, "/mask/")
