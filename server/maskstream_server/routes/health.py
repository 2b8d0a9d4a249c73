"""`/healthz`, `/readyz` and `/metrics`, for those who run the server."""

import asyncio
from contextlib import suppress

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from maskstream_server.service import Service
from maskstream_server.stores.errors import StoreError

SCRAPE_STORE_S = 1.5
"""A scrape waits no longer for a store that hangs: the other metrics are wanted then."""


def health_routes(service: Service) -> APIRouter:
    """Return the routes of health and metrics."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> JSONResponse:
        """Say whether the process works; not whether it has room or a store."""
        healthy = not service.stalled
        return JSONResponse({"ok": healthy}, 200 if healthy else 503)

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """Say whether new sessions can begin here."""
        parts = {"engine": service.engine.ready and not service.stalled, "store": True}
        try:
            await service.store.ping()
        except StoreError:
            parts["store"] = False
        ready = all(parts.values())
        return JSONResponse({"ready": ready, **parts}, 200 if ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        """Return all metrics in Prometheus' text format."""
        # Whether that works is told by the metrics themselves.
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(SCRAPE_STORE_S):
                await service.store.usage()
        body = generate_latest(service.metrics.registry)
        return Response(body, headers={"content-type": CONTENT_TYPE_LATEST})

    return router
