"""`/healthz`, `/readyz` and `/metrics`, for those who run servers and workers."""

import asyncio
from contextlib import suppress
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from maskstream_server.errors import StoreError

SCRAPE_STORE_S = 1.5
"""A scrape waits no longer for a store that hangs: the other metrics are wanted then."""


class Watched(Protocol):
    """A process that can be asked how it is."""

    @property
    def stalled(self) -> str | None:
        """Why it is thought to hang, in a sentence; None: it works."""

    @property
    def registry(self) -> CollectorRegistry:
        """What it counts."""

    async def readiness(self) -> dict[str, bool]:
        """Say of each part that new work needs whether it is there."""

    @property
    def trouble(self) -> str | None:
        """One sentence for the operator on what a part lacks; None where there is none."""

    async def refresh(self) -> None:
        """Ask others for what the metrics say of them.

        Raises:
            StoreError: they do not answer.
        """


def health_routes(watched: Watched) -> APIRouter:
    """Return the routes of health and metrics."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """Say whether the process works; not whether it takes sessions or has a store."""
        reason = watched.stalled
        if reason is None:
            return JSONResponse({"ok": True})
        return JSONResponse({"ok": False, "reason": reason}, 503)

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Say whether new work can begin here: sessions, or for a worker videos."""
        parts = await watched.readiness()
        ready = all(parts.values())
        reason = watched.stalled or watched.trouble
        body = {"ready": ready, **parts} | ({"reason": reason} if reason else {})
        return JSONResponse(body, 200 if ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Return all metrics in Prometheus' text format."""
        # The metrics themselves say whether that works.
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(SCRAPE_STORE_S):
                await watched.refresh()
        body = generate_latest(watched.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    return router
