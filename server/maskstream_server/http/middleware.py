"""What every request passes before its route, over HTTP and WebSocket alike."""

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from maskstream_protocol.errors import ForbiddenError
from maskstream_server.config.settings import Settings
from maskstream_server.http.access import check_host
from maskstream_server.http.problems import error_response


def install_entrance(app: FastAPI, settings: Settings) -> None:
    """Put what every request passes before the routes of an application.

    A browser lets pages of the allowed origins alone read the answers; others are refused by
    `check_origin` besides. Keys are no credentials in its sense, so that `*` may be allowed.
    """
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.allowed_origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=("*",),
        )
    app.add_middleware(Entrance, settings=settings)


class Entrance:
    """Refuses requests for other host names, and puts paths below the server's root path."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it."""
        if scope["type"] in ("http", "websocket"):
            try:
                check_host(Headers(scope=scope), self._settings)
            except ForbiddenError as error:
                return await _refuse(error, scope, receive, send)
            scope = _below(self._settings.root_path, scope)
        await self._app(scope, receive, send)


def _below(root: str, scope: Scope) -> Scope:
    """Return a request as one below `root`, which some proxies pass on and others take away."""
    path = scope["path"]
    if not f"{path}/".startswith(f"{root}/"):
        path = root + path
    return {**scope, "root_path": root, "path": path}


async def _refuse(error: ForbiddenError, scope: Scope, receive: Receive, send: Send) -> None:
    answer = error_response(error)
    if scope["type"] == "websocket":
        return await WebSocket(scope, receive, send).send_denial_response(answer)
    await answer(scope, receive, send)
