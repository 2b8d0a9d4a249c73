"""The web application: routes around one service, started and stopped with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import Depends, FastAPI

from maskstream_server.http.access import require_access
from maskstream_server.http.middleware import install_entrance
from maskstream_server.http.problems import install_problems
from maskstream_server.http.tickets import Tickets
from maskstream_server.lifecycle.openapi import document_routes
from maskstream_server.lifecycle.service import Service
from maskstream_server.routes import uploads, videos
from maskstream_server.routes.health import health_routes
from maskstream_server.routes.models import model_routes
from maskstream_server.routes.page import page_routes
from maskstream_server.routes.session_events import session_event_routes
from maskstream_server.routes.sessions import session_routes
from maskstream_server.routes.stream import stream_routes
from maskstream_server.routes.tickets import ticket_routes
from maskstream_server.routes.watch import watch_routes
from maskstream_web import web_folder


def create_app(service: Service) -> FastAPI:
    """Return the application; the engine warms up beside it, so that `/healthz` answers soon."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service.starting = asyncio.create_task(service.start())
        try:
            yield
        finally:
            service.starting.cancel()
            await service.stop()

    tickets = Tickets(service.store, service.random_bytes, service.clock)
    app = FastAPI(
        title="Maskstream",
        version=version("maskstream"),
        summary="Online video segmentation: whole videos, models and sessions.",
        generate_unique_id_function=lambda route: route.name,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(require_access(service.settings, tickets))],
    )
    app.state.videos = service.videos
    app.include_router(stream_routes(service))
    app.include_router(health_routes(service))
    app.include_router(model_routes(service))
    app.include_router(uploads.router)
    app.include_router(videos.router)
    app.include_router(session_routes(service))
    app.include_router(watch_routes(service))
    app.include_router(session_event_routes(service))
    app.include_router(ticket_routes(tickets))
    if service.settings.page:
        app.include_router(page_routes(Path(str(web_folder()))))
    install_problems(app)
    document_routes(app)
    install_entrance(app, service.settings)
    return app
