"""The engine's queue by itself."""

import asyncio

import pytest

from maskstream_server.engine.batching import QueuedRequest
from maskstream_server.engine.queue import RequestQueue, Ticket
from maskstream_server.engine.types import EngineLimits
from maskstream_server.errors import EngineStoppedError
from support.stores import Clock


async def test_a_closed_queue_takes_nothing_that_nobody_would_take_out():
    queue = RequestQueue(EngineLimits(), Clock())
    future = asyncio.get_running_loop().create_future()
    ticket = Ticket(lambda: None, QueuedRequest("a", None, 0.0), future)
    queue.put(ticket)
    queue.close()
    with pytest.raises(EngineStoppedError):
        queue.put(ticket)
    assert queue.take() == [ticket]
    assert queue.take() == []
