"""`GET /v1/stream`: what is checked before the upgrade, then the connection is the shell's."""

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from maskstream_protocol import STREAM_PATH, SUBPROTOCOL
from maskstream_protocol.errors import WireError
from maskstream_server.http.access import check_key, check_origin, check_subprotocol
from maskstream_server.http.problems import problem, problem_of
from maskstream_server.lifecycle.service import Service
from maskstream_server.streaming.connection_metrics import ConnectionMetrics
from maskstream_server.streaming.stream import Stream


def stream_routes(service: Service) -> APIRouter:
    """Return the routes of the stream."""
    router = APIRouter()

    @router.websocket(STREAM_PATH)
    async def stream(socket: WebSocket) -> None:
        try:
            check_subprotocol(socket.scope["subprotocols"])
            check_key(socket.headers, service.settings)
            check_origin(socket.headers, service.settings)
        except WireError as error:
            await socket.send_denial_response(problem_of(error))
            return
        await socket.accept(subprotocol=SUBPROTOCOL)
        with ConnectionMetrics(service, socket.headers.get("traceparent")) as witness:
            await Stream(socket, service, witness).run()

    @router.get(STREAM_PATH, include_in_schema=False)
    async def not_a_page() -> JSONResponse:
        return problem(426, "upgrade_required", "This address speaks WebSocket only.")

    return router
