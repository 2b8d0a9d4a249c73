"""The web application of a server that does nothing, for what is known without asking it."""

from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from maskstream_server.config.settings import Settings
from maskstream_server.lifecycle.app import create_app
from maskstream_server.lifecycle.service import Service
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.telemetry.metrics import Metrics
from support.server import FakeModel

KEY = "a-key-for-testing"


class Engine:
    ready = True
    doing = None

    def stalled_for_s(self) -> float:
        return 0.0


def application(**settings: Any) -> FastAPI:
    """Return the application of a server with a key; `settings` are those of `Settings`."""
    return create_app(
        Service(
            settings=Settings(api_keys=KEY, **settings),
            model=FakeModel(),
            engine=Engine(),
            store=MemoryStore(),
            owner="me",
            metrics=Metrics(CollectorRegistry()),
            random_bytes=bytes,
            clock=lambda: 0.0,
        )
    )
