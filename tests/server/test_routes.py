"""REST routes of an application whose engine and store say what the test sets."""

import asyncio
from types import SimpleNamespace

import pytest
from httpx import ASGITransport, AsyncClient, Response
from prometheus_client import CollectorRegistry
from starlette.requests import ClientDisconnect
from structlog.testing import capture_logs

from maskstream_server.config.settings import Settings
from maskstream_server.errors import StoreUnreachableError
from maskstream_server.lifecycle.app import create_app
from maskstream_server.lifecycle.service import Service
from maskstream_server.lifecycle.stalls import STALLED_S
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.telemetry.metrics import Metrics
from support.server import FakeModel


class Engine:
    ready = True
    doing = None
    stalled = 0.0

    def stalled_for_s(self) -> float:
        return self.stalled


class Pictures:
    num_alive = 2
    stalled = 0.0

    def stalled_for_s(self) -> float:
        return self.stalled


class Store(MemoryStore):
    away = False

    async def ping(self) -> None:
        if self.away:
            raise StoreUnreachableError("no route")


class Browser:
    def __init__(self, service: Service) -> None:
        self.app = create_app(service)
        self.transport = ASGITransport(self.app, raise_app_exceptions=False)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        async def fetch() -> Response:
            async with AsyncClient(transport=self.transport, base_url="http://host") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(fetch())


@pytest.fixture
def world() -> SimpleNamespace:
    engine, store = Engine(), Store()
    service = Service(
        settings=Settings(api_keys="a-key-for-testing"),
        model=FakeModel(),
        engine=engine,
        store=store,
        owner="me",
        metrics=Metrics(CollectorRegistry()),
        random_bytes=bytes,
        clock=lambda: 0.0,
    )
    service.pictures = Pictures()
    return SimpleNamespace(engine=engine, store=store, service=service, client=Browser(service))


def said(world: SimpleNamespace, path: str) -> tuple[int, dict[str, object]]:
    answer = world.client.get(path)
    return answer.status_code, answer.json()


KEY = {"Authorization": "Bearer a-key-for-testing"}


def test_the_page_is_public_and_can_be_switched_off(world):
    assert world.client.get("/client/index.js").status_code == 200
    world.service.settings = Settings(page=False)
    without = Browser(world.service)
    for path in ("/", "/client/index.js", "/page/main.js"):
        assert without.get(path, {"Host": "localhost"}).status_code == 404


def test_a_healthy_server_says_so(world):
    assert world.client.get("/healthz").status_code == 200
    answer = world.client.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


def test_without_keys_only_names_of_this_server_are_answered_whatever_is_asked(world):
    world.service.settings = Settings(allowed_hosts="video.example")
    client = Browser(world.service)
    for path in ("/v1/models", "/healthz", "/metrics", "/nowhere", "/v1/stream"):
        answer = client.get(path, {"Host": "evil.example:8000"})
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "MASKSTREAM_ALLOWED_HOSTS" in answer.json()["detail"]
    for host in ("127.0.0.1:8000", "localhost", "video.example"):
        assert client.get("/v1/models", {"Host": host}).status_code == 200


def test_a_cold_engine_is_healthy_but_not_ready(world):
    world.engine.ready = False
    assert world.client.get("/healthz").status_code == 200
    answer = world.client.get("/readyz")
    assert (answer.status_code, answer.json()["engine"]) == (503, False)


def test_an_absent_store_is_healthy_but_not_ready(world):
    world.store.away = True
    assert world.client.get("/healthz").status_code == 200
    assert world.client.get("/readyz").json() == {
        "ready": False,
        "engine": True,
        "decoders": True,
        "store": False,
    }


def test_a_stalled_engine_is_not_healthy(world):
    world.engine.stalled = STALLED_S + 1
    reason = "A step of the model has been running for 61 seconds."
    assert said(world, "/healthz") == (503, {"ok": False, "reason": reason})
    status, body = said(world, "/readyz")
    assert (status, body["engine"], body["decoders"], body["reason"]) == (503, False, True, reason)


def test_decoders_that_finish_nothing_are_not_healthy(world):
    world.service.pictures.stalled = STALLED_S + 1
    reason = "Frames wait to be decoded, and none has been for 61 seconds."
    assert said(world, "/healthz") == (503, {"ok": False, "reason": reason})
    status, body = said(world, "/readyz")
    assert (status, body["engine"], body["decoders"], body["reason"]) == (503, True, False, reason)


def test_a_server_without_decoders_is_healthy_but_not_ready(world):
    world.service.pictures.num_alive = 0
    assert world.client.get("/healthz").status_code == 200
    status, body = said(world, "/readyz")
    assert (status, body["decoders"]) == (503, False)


def test_models_are_listed_with_what_the_protocol_names(world):
    (model,) = world.client.get("/v1/models", headers=KEY).json()["models"]
    assert set(model) == {
        "name",
        "task",
        "backbone",
        "backend",
        "precision",
        "num_classes",
        "fingerprint",
        "lookahead",
        "prompts",
        "default",
        "ready",
    }
    assert (model["name"], model["num_classes"], model["default"]) == ("fake", 2, True)


def test_a_models_page_names_its_classes_and_limits(world):
    model = world.client.get("/v1/models/fake", headers=KEY).json()
    assert model["classes"][1] == {"id": 1, "name": "x", "color": "#00ff00", "thing": True}
    assert set(model["input"]) == {"min_size", "max_pixels"}
    assert 0 <= model["min_score"] <= 1
    assert 0 <= model["show_min"] <= 1
    assert model["agreement"] == {}


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/models/nope", KEY, 404, "model_unknown"),
        ("/v1/models", {}, 401, "unauthorized"),
        ("/nowhere", {}, 404, "not_found"),
        ("/v1/stream", {}, 426, "upgrade_required"),
    ],
)
def test_errors_are_problem_documents(world, path, headers, status, code):
    answer = world.client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"], bool(body["detail"])) == (status, code, True)


def test_an_unexpected_error_is_internal_and_says_nothing_of_it(world):
    world.service.model.info = None
    with capture_logs():
        answer = world.client.get("/v1/models", headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "NoneType" not in answer.text


def test_a_client_that_breaks_off_is_no_error_of_ours(world):
    @world.client.app.get("/left")
    def left() -> None:
        raise ClientDisconnect

    with capture_logs() as logs:
        answer = world.client.get("/left", headers=KEY)
    assert (answer.status_code, logs) == (400, [])


def test_metrics_have_units_in_their_names(world):
    text = world.client.get("/metrics").text
    assert "maskstream_frame_seconds" in text
    assert "maskstream_received_bytes_total" in text
