"""A server: its parts, put together outside, and how they start, drain and stop."""

import asyncio
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import structlog
from prometheus_client import CollectorRegistry

from maskstream_model.port import Model
from maskstream_server.config.settings import Settings
from maskstream_server.delivery.channels import DeliveryChannel
from maskstream_server.delivery.sender import EventSender
from maskstream_server.engine.engine import Engine
from maskstream_server.errors import StoreError
from maskstream_server.jobs.service import VideoService
from maskstream_server.lifecycle.stalls import stalled_decoders, stalled_engine
from maskstream_server.packets.decoder import PacketDecoder
from maskstream_server.pictures.limits import PictureLimits, memory_for, unit_memory_for
from maskstream_server.pictures.pool import PicturePool
from maskstream_server.pictures.worker import Death
from maskstream_server.session.admission import MAX_SIDE_PX
from maskstream_server.stores.interface import Channel, Lease, SessionStore
from maskstream_server.stores.leases import LeaseKeeper
from maskstream_server.streaming.background import Background
from maskstream_server.streaming.connection_registry import ConnectionRegistry
from maskstream_server.telemetry.metrics import Metrics
from maskstream_server.telemetry.tracing import Tracing

T = TypeVar("T")
LAST_WAIT_S = 2.0
FRAME_THREADS = 4


@dataclass
class Service:
    """A server's parts; others are given what they need of it (`streaming.ports`, `Watched`).

    Attributes:
        store: where sessions live; `owner` is this server's name in it.
        random_bytes: for names and tokens; must be hard to guess.
        clock: seconds that only grow.
        channels: ways for events to receivers outside.
        videos: whole videos by upload; None where the operator has given them no place.
    """

    settings: Settings
    model: Model[Any]
    engine: Engine[Any]
    store: SessionStore
    owner: str
    metrics: Metrics
    random_bytes: Callable[[int], bytes]
    clock: Callable[[], float]
    videos: VideoService | None = None
    tracing: Tracing = field(default_factory=Tracing)
    background: Background = field(default_factory=Background)
    channels: Mapping[Channel, DeliveryChannel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Set up what follows from the other parts."""
        self.deliveries = EventSender(self.store, self.owner, self.channels)
        max_sessions = self.settings.max_sessions
        self.metrics.sessions(0, max_sessions)
        self.connections = ConnectionRegistry(
            max_sessions,
            lambda present: self.metrics.sessions(present, max_sessions),
            self.settings.idle_s,
            self.settings.max_sessions_per_address,
        )
        # Files have the event loop's own threads: a disk that hangs holds no frame up, and a slow
        # picture no file.
        self._threads = ThreadPoolExecutor(FRAME_THREADS, "frames")
        self.pictures = build_pictures(self.settings, self.metrics.decoder_died, self.clock)
        self.starting: asyncio.Task[None] | None = None
        self._leases: LeaseKeeper | None = None
        self._drain_until_s: float | None = None

    async def start(self) -> None:
        """Begin to renew leases and warm the engine up; returns when frames are taken."""
        loop = asyncio.get_running_loop()

        def lost(lease: Lease) -> None:
            loop.call_soon_threadsafe(self.connections.evict, lease)

        interval_s = self.store.times.lease_s / 4
        self._leases = LeaseKeeper(self.store.renewer(), interval_s, lost)
        await asyncio.gather(self.engine.start(), self.pictures.start())
        self.deliveries.start()
        if self.videos is not None:
            self.videos.start()

    async def stop(self) -> None:
        """Commit what waits, then stop every part; after all sockets are closed."""
        if self.videos is not None:
            await self.videos.stop()
        # Each may take its time where the store hangs or a step does not end: they do so together.
        _, engine_ended, _ = await asyncio.gather(
            self.background.finish(self.left_s()),
            self.engine.stop(self.left_s() if self.engine.ready else LAST_WAIT_S),
            self._end_leases(),
        )
        await self.deliveries.close()
        self.pictures.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        if not engine_ended:
            structlog.get_logger(__name__).warning("engine_left_in_a_step")
        with suppress(TimeoutError):  # a store that hangs
            await asyncio.wait_for(self.store.close(), LAST_WAIT_S)
        await asyncio.to_thread(self.tracing.close)

    def left_s(self) -> float:
        """Return the seconds that are left to commit in, at least a last moment."""
        if self._drain_until_s is None:
            return self.settings.drain_s
        return max(LAST_WAIT_S, self._drain_until_s - self.clock())

    async def _end_leases(self) -> None:
        if self._leases is not None:
            await asyncio.to_thread(self._leases.close)

    async def drain(self) -> None:
        """Let every client finish and close, within `drain_s`."""
        if self.videos is not None:
            self.videos.stopping = True
        self._drain_until_s = self.clock() + self.settings.drain_s
        await self.connections.drain(self.settings.drain_s)

    async def compute(self, work: Callable[..., T], *args: Any) -> T:
        """See `SessionPorts.compute`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, work, *args)

    def packet_decoder(self) -> PacketDecoder:
        """See `StreamPorts.packet_decoder`."""
        settings = self.settings
        memory = unit_memory_for(settings.max_frame_pixels, settings.max_frame_bytes)
        limits = replace(self.pictures.limits, memory_bytes=memory)
        return PacketDecoder(
            limits, self.metrics.decoder_died, self.metrics.packet_sessions.inc, self.clock
        )

    def hold(self, lease: Lease) -> None:
        """See `StreamPorts.hold`."""
        if self._leases is not None:
            self._leases.hold(lease)

    def let_go(self, lease: Lease) -> None:
        """See `StreamPorts.let_go`."""
        if self._leases is not None:
            self._leases.drop(lease)

    @property
    def registry(self) -> CollectorRegistry:
        """See `Watched.registry`."""
        return self.metrics.registry

    async def readiness(self) -> dict[str, bool]:
        """See `Watched.readiness`."""
        parts = {
            "engine": self.engine.ready and not stalled_engine(self.engine),
            "decoders": self.pictures.num_alive > 0 and not stalled_decoders(self.pictures),
            "store": True,
        }
        try:
            await self.store.ping()
        except StoreError:
            parts["store"] = False
        if self.videos is not None:
            parts["files"] = await self.videos.folder.usable()
            parts["videos"] = await self.videos.api.ownership.belong()
        return parts

    @property
    def trouble(self) -> str | None:
        """See `Watched.trouble`."""
        mismatch = None if self.videos is None else self.videos.api.ownership.mismatch
        return mismatch or self.engine.doing

    async def refresh(self) -> None:
        """See `Watched.refresh`."""
        await self.store.usage()

    @property
    def stalled(self) -> str | None:
        """See `Watched.stalled`."""
        return stalled_engine(self.engine) or stalled_decoders(self.pictures)


def build_pictures(
    settings: Settings, died: Callable[[Death], None], clock: Callable[[], float]
) -> PicturePool:
    """Return the decoders of pictures, not yet started."""
    limits = PictureLimits(
        max_pixels=settings.max_frame_pixels,
        max_side_px=MAX_SIDE_PX,
        max_bytes=settings.max_frame_bytes,
        deadline_s=settings.decode_s,
        memory_bytes=memory_for(settings.max_frame_pixels, settings.max_frame_bytes),
    )
    size = settings.decoders or max(2, min(8, os.cpu_count() or 1))
    return PicturePool(limits, size, died, clock)
