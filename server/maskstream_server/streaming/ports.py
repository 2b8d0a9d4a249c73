"""What connections, viewers and routes of sessions need of a server, and no more."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.delivery.sender import EventSender
from maskstream_server.engine.engine import Engine
from maskstream_server.packets.decoder import PacketDecoder
from maskstream_server.pictures.pool import PicturePool
from maskstream_server.stores.interface import Lease, SessionStore
from maskstream_server.streaming.background import Background
from maskstream_server.streaming.connection_registry import ConnectionRegistry
from maskstream_server.telemetry.metrics import Metrics
from maskstream_server.telemetry.tracing import Tracing

T = TypeVar("T")


class SessionPorts(Protocol):
    """For what begins, copies, shows and ends sessions.

    Attributes:
        store: where they are kept; `owner` is this server's name in it.
        connections: the connections that have a session here.
        deliveries: sends events to receivers outside.
    """

    settings: Settings
    model: Model[Any]
    engine: Engine[Any]
    store: SessionStore
    owner: str
    connections: ConnectionRegistry
    deliveries: EventSender

    def random_bytes(self, count: int, /) -> bytes:
        """Return bytes for names and tokens, hard to guess."""

    async def compute(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work` on a thread of its own kind, which no file blocks."""


class StreamPorts(SessionPorts, Protocol):
    """For a connection that streams frames."""

    pictures: PicturePool
    metrics: Metrics
    tracing: Tracing
    background: Background

    def clock(self) -> float:
        """Return seconds that only grow."""

    def packet_decoder(self) -> PacketDecoder:
        """Return a decoder of units for one connection, which closes it."""

    def hold(self, lease: Lease) -> None:
        """Renew a session's lease from now on."""

    def let_go(self, lease: Lease) -> None:
        """Renew it no longer."""
