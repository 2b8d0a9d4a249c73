"""Two stores that must give the same answers: one in this process, one on a real Redis."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from support.aged_stores import Closing, shorten_lives
from support.redis_server import RedisServer

Store = TypeVar("Store", bound=Closing)


class Pair(Generic[Store]):
    """Both stores and their time, which passes as it does and by `advance`.

    Args:
        server: is emptied.
        in_memory: makes a store that reads this clock.
        on_redis: makes one on the Redis of this address.
        keys: pattern of the keys that live for a while only.
    """

    def __init__(
        self,
        server: RedisServer,
        in_memory: Callable[[Callable[[], float]], Store],
        on_redis: Callable[[str], Store],
        keys: str = "*",
    ) -> None:
        with server.client() as client:
            client.flushall()
        self._server, self._keys = server, keys
        self._advanced_s = 0.0
        self._loop = asyncio.new_event_loop()
        self.memory = in_memory(lambda: time.monotonic() + self._advanced_s)
        self.redis = on_redis(server.url)

    def ask(self, call: Callable[[Store], Awaitable[Any]]) -> Any:
        """Make the same call to both; returns their answer, or the error that both raised."""
        ours, theirs = self.both(call)
        assert ours == theirs, f"in memory {ours!r}, on Redis {theirs!r}"
        return ours

    def both(self, call: Callable[[Store], Awaitable[Any]]) -> tuple[Any, Any]:
        """Make the same call to both; returns both answers."""
        return self._answer(call(self.memory)), self._answer(call(self.redis))

    def advance(self, seconds: float) -> None:
        """Let time pass for both."""
        self._advanced_s += seconds
        shorten_lives(self._server, seconds, self._keys)

    def close(self) -> None:
        for store in (self.memory, self.redis):
            self._loop.run_until_complete(store.close())
        self._loop.close()

    def _answer(self, call: Awaitable[Any]) -> Any:
        try:
            return self._loop.run_until_complete(call)
        except Exception as error:
            return type(error)
