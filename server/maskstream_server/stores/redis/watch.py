"""Receives what a session commits, over a connection of its own that is renewed when it breaks."""

import asyncio
import logging

from redis.asyncio import Redis

from maskstream_server.errors import StoreForbiddenError, StoreUnreachableError
from maskstream_server.stores.interface import KeptResult, OnResult
from maskstream_server.stores.redis.connection import AWAY, FORBIDDEN

RETRY_S = 0.5
log = logging.getLogger(__name__)


class RedisWatch:
    """A subscription to one session's channel; `close` ends it."""

    def __init__(self, redis: Redis, channel: str, on_result: OnResult) -> None:
        self._redis = redis
        self._channel = channel
        self._on_result = on_result
        self._answered = asyncio.Event()
        self._refusal: StoreForbiddenError | None = None
        self._task = asyncio.create_task(self._run())

    async def ready(self, within_s: float) -> None:
        """Wait for the first subscription.

        Raises:
            StoreUnreachableError: the store is away.
            StoreForbiddenError: its user may not subscribe.
        """
        try:
            await asyncio.wait_for(self._answered.wait(), within_s)
        except TimeoutError:
            raise StoreUnreachableError("the subscription was not answered") from None
        if self._refusal is not None:
            raise self._refusal

    async def close(self) -> None:
        """See `ResultSubscription.close`."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._redis.aclose()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except FORBIDDEN as error:
                self._refusal = StoreForbiddenError(str(error))
                self._answered.set()
            except AWAY:
                pass
            except Exception:  # a watch that ended silently would leave its viewer without results
                log.exception("watch_failed")
            await asyncio.sleep(RETRY_S)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as channel:
            await channel.subscribe(self._channel)
            async for message in channel.listen():
                if message["type"] == "subscribe":
                    self._answered.set()
                elif message["type"] == "message":
                    self._tell(message["data"])

    def _tell(self, data: bytes) -> None:
        sequence, _, result = data.partition(b":")
        self._on_result(KeptResult(int(sequence), result) if sequence else None)
