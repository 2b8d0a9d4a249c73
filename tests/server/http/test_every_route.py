"""Every route of the application refuses requests without a key, but for those that are public."""

import asyncio
import json
import re
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIWebSocketRoute, iter_route_contexts

from maskstream_protocol import SUBPROTOCOL
from maskstream_server.config.settings import Settings
from maskstream_server.http.access import PUBLIC, require_access
from maskstream_server.http.problems import install_problems
from maskstream_server.http.tickets import Tickets
from maskstream_server.stores.memory import MemoryStore
from support.bare_app import KEY, application

ORIGIN = (b"origin", b"https://evil.example")


def routes(app: FastAPI) -> list[tuple[str, str, str]]:
    """Kind, method and path of all that can be asked for."""
    found = []
    for route in iter_route_contexts(app.routes):
        path: str = route.path or ""
        if isinstance(route.route, APIWebSocketRoute):
            found.append(("websocket", "GET", path))
        else:
            found += [("http", method, path) for method in sorted(route.methods or ())]
    return found


async def status_of(
    app: FastAPI, kind: str, method: str, path: str, *headers: tuple[bytes, bytes]
) -> tuple[int, str]:
    """Status and code of the answer to a request without a body."""
    scope: dict[str, Any] = {
        "type": kind,
        "method": method,
        "path": re.sub(r"\{\w+\}", "x", path),
        "query_string": b"",
        "headers": [(b"tus-resumable", b"1.0.0"), *headers],
        "subprotocols": [SUBPROTOCOL],
        "extensions": {"websocket.http.response": {}},
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 30)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], json.loads(body).get("code", "") if method != "HEAD" else ""


APP = application()


@pytest.mark.parametrize(("kind", "method", "path"), routes(APP))
async def test_a_route_is_public_or_refuses_requests_without_a_key(kind, method, path):
    if (kind, path) in PUBLIC:
        return
    assert (await status_of(APP, kind, method, path))[0] == 401


@pytest.mark.parametrize(("kind", "method", "path"), routes(APP))
async def test_a_route_is_public_or_refuses_pages_of_foreign_origins(kind, method, path):
    if (kind, path) in PUBLIC:
        return
    key = (b"authorization", f"Bearer {KEY}".encode())
    assert (await status_of(APP, kind, method, path, key, ORIGIN))[0] == 403


def test_what_is_public_is_there():
    assert {(kind, path) for kind, _, path in routes(APP)} >= PUBLIC
    assert len(routes(APP)) > 20


async def test_a_new_route_without_a_word_about_access_is_refused():
    tickets = Tickets(MemoryStore(), bytes, lambda: 0.0)
    app = FastAPI(dependencies=[Depends(require_access(Settings(api_keys=KEY), tickets))])
    install_problems(app)
    router = APIRouter()

    @router.get("/new")
    def new() -> dict[str, str]:
        return {"secret": "x"}

    app.include_router(router)
    assert await status_of(app, "http", "GET", "/new") == (401, "unauthorized")
