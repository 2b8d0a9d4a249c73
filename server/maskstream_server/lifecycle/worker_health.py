"""A worker's `/metrics`, `/healthz` and `/readyz`, at a port of their own."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from maskstream_server.config.settings import Settings
from maskstream_server.engine.engine import Engine
from maskstream_server.http.middleware import Entrance
from maskstream_server.jobs.api.videos import VideoApi
from maskstream_server.jobs.storage.availability import FolderProbe
from maskstream_server.lifecycle.stalls import stalled_engine
from maskstream_server.routes.health import health_routes
from maskstream_server.transport.config import TransportConfig
from maskstream_server.transport.requests import RequestProtocol

ANSWER_S = 3.0
"""A request for readiness waits no longer for a store that hangs."""


@dataclass(frozen=True)
class WatchedWorker:
    """A worker, as `health_routes` ask it.

    Attributes:
        host: this machine's name, by which the queue knows its workers.
    """

    engine: Engine[Any]
    api: VideoApi
    folder: FolderProbe
    host: str
    registry: CollectorRegistry

    @property
    def stalled(self) -> str | None:
        """See `Watched.stalled`."""
        return stalled_engine(self.engine)

    async def readiness(self) -> dict[str, bool]:
        """See `Watched.readiness`; `queue` is whether this worker has reported to it of late."""
        parts = {"engine": self.engine.ready and not self.stalled, "store": True, "queue": False}
        try:
            async with asyncio.timeout(ANSWER_S):
                await self.api.store.page(1)
                parts["queue"] = await self.api.queue.has_worker(self.host)
        except Exception:  # whatever clients of Redis raise: it cannot get at its videos
            parts["store"] = False
        return parts | {
            "files": await self.folder.usable(),
            "videos": await self.api.ownership.belong(),
        }

    @property
    def trouble(self) -> str | None:
        """See `Watched.trouble`."""
        return self.api.ownership.mismatch or self.engine.doing

    async def refresh(self) -> None:
        """See `Watched.refresh`: nothing; videos are counted once a minute."""


class _Beside(uvicorn.Server):
    """A server in a process that handles signals itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve_beside(worker: WatchedWorker, settings: Settings, bound: socket.socket) -> None:
    """Answer until cancelled, by the names and within the bounds of a server (`Entrance`)."""
    app = FastAPI(title="Maskstream worker", docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(health_routes(worker))
    app.add_middleware(Entrance, settings=settings)
    config = TransportConfig(
        app,
        settings,
        http=RequestProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
    )
    server = _Beside(config)
    serving = asyncio.create_task(server.serve([bound]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = server.force_exit = True
        await asyncio.gather(serving, return_exceptions=True)
