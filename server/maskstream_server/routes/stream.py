"""`GET /v1/stream`: what is checked before the upgrade, then the connection is the shell's."""

from fastapi import APIRouter, WebSocket
from fastapi.responses import JSONResponse

from maskstream_protocol import STREAM_PATH, SUBPROTOCOL
from maskstream_server.http.problems import problem_response
from maskstream_server.streaming.connection_metrics import ConnectionMetrics
from maskstream_server.streaming.ports import StreamPorts
from maskstream_server.streaming.stream import Stream


def stream_routes(service: StreamPorts) -> APIRouter:
    """Return the routes of the stream."""
    router = APIRouter()

    @router.websocket(STREAM_PATH)
    async def stream(socket: WebSocket) -> None:
        await socket.accept(subprotocol=SUBPROTOCOL)
        with ConnectionMetrics(service, socket.headers.get("traceparent")) as metrics:
            await Stream(socket, service, metrics).run()

    @router.get(STREAM_PATH, include_in_schema=False)
    async def not_a_page() -> JSONResponse:
        return problem_response(426, "upgrade_required", "This address takes WebSockets only.")

    return router
