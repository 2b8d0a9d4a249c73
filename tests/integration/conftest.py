"""Fixtures of the integration tests: a running server, and a real redis-server."""

from collections.abc import Iterator

import pytest

from support.redis_server import own_redis, shared_redis
from support.server import LiveServer, running_server

__all__ = ["own_redis", "shared_redis"]


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """A server with the fake model, shared by the tests of a module."""
    with running_server() as live:
        yield live
