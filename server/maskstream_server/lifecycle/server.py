"""uvicorn around a service: own socket, one line when it is warm, draining before the end."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Final

import structlog
import uvicorn

from maskstream_server.config.settings import Settings
from maskstream_server.errors import StartError
from maskstream_server.lifecycle.app import create_app
from maskstream_server.lifecycle.forced_exit import LAST_S, end_stopped, end_within
from maskstream_server.lifecycle.readings import show_connections
from maskstream_server.lifecycle.service import Service
from maskstream_server.transport.config import TransportConfig
from maskstream_server.transport.requests import RequestProtocol
from maskstream_server.transport.websocket import StreamProtocol

# An idle connection closed at the moment of a request loses it: longer than clients and load
# balancers keep one (httpx 5 s, uvicorn's own default; nginx and AWS 60 s).
_KEEP_ALIVE_S: Final = 75


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket, so that a taken port is found before a model is loaded.

    Raises:
        StartError: the port is in use, or the address is none of this machine's.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind)
    except OSError as error:
        raise StartError(f"Cannot listen on {host}: {error.strerror}.") from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise StartError(f"Cannot listen on {host} port {port}: {error.strerror}.") from None
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address for people and clients of this machine."""
    host, port = bound.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class MaskstreamServer(uvicorn.Server):
    """Drains connections before uvicorn closes their sockets.

    Attributes:
        failure: why it could not start.
        stopped_by: the first signal that asked for an end.
        is_ready: whether the engine was warm at some time.
    """

    def __init__(self, service: Service, ready: Callable[[], None]) -> None:
        super().__init__(_config(service))
        self._service = service
        self._ready = ready
        self._announcing: asyncio.Task[None] | None = None
        self.failure: BaseException | None = None
        self.stopped_by: int | None = None
        self.is_ready = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then announce that the engine is warm."""
        await super().startup(sockets)
        self._announcing = asyncio.create_task(self._announce())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop accepting; goaway, commit, 1012; then as uvicorn does."""
        for server in self.servers:
            server.close()
        await self._service.drain()
        self.config.timeout_graceful_shutdown = round(self._service.left_s())
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain and stop, by force where something hangs; a second signal stops at once."""
        if not self.should_exit:
            self.stopped_by = sig
            end_within(self._service.settings.drain_s + LAST_S)
        self.force_exit = self.should_exit
        self.should_exit = True

    async def _announce(self) -> None:
        assert self._service.starting is not None
        try:
            await self._service.starting
        except asyncio.CancelledError:
            raise
        except Exception as error:
            structlog.get_logger(__name__).error("warm_up_failed", exc_info=error)
            self.failure, self.should_exit = error, True
        else:
            self.is_ready = True
            self._ready()


def _config(service: Service) -> TransportConfig:
    settings: Settings = service.settings
    config = TransportConfig(
        create_app(service),
        settings,
        http=RequestProtocol,
        ws=StreamProtocol,
        ws_ping_interval=settings.heartbeat_s,
        ws_ping_timeout=settings.idle_s - settings.heartbeat_s,
        ws_per_message_deflate=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
    )
    show_connections(config.gate, service.metrics.registry)
    return config


def announce(settings: Settings, model: str, bound: socket.socket) -> None:
    """Print the one line of a server that is ready, which ends with an address to open."""
    address = settings.public_url or url_of(bound)
    print(f"maskstream serves {model} on {settings.device} at {address}", flush=True)


def serve_forever(service: Service, bound: socket.socket) -> None:
    """Serve until a signal comes, which ends the process (`end_stopped`).

    Raises:
        StartError: the engine could not warm up, or no process that decodes pictures be started.
    """
    ready = partial(announce, service.settings, service.model.info.name, bound)
    server = MaskstreamServer(service, ready)
    server.run([bound])
    if isinstance(server.failure, StartError):
        raise server.failure
    if server.failure is not None:
        raise StartError(f"The engine could not warm up: {server.failure}")
    if server.stopped_by is not None:
        end_stopped(server.stopped_by, server.is_ready, service.engine.has_thread)
