"""The outboxes of a `RedisStore`: what waits to be delivered, and who delivers it."""

from maskstream_server.stores.interface import Outbox
from maskstream_server.stores.redis import scripts
from maskstream_server.stores.redis.coding import (
    OUTBOX_KEYS,
    milliseconds,
    outbox_key,
    outbox_of,
)
from maskstream_server.stores.redis.connection import RedisConnection


class RedisOutboxes:
    """Reads what `scripts.COMMIT` has written."""

    def __init__(self, connection: RedisConnection) -> None:
        self._run, self._redis = connection.run, connection.redis
        self._claim = self._redis.register_script(scripts.CLAIM_OUTBOX)
        self._leave = self._redis.register_script(scripts.LEAVE_OUTBOX)
        self._delivered = self._redis.register_script(scripts.DELIVERED)

    async def waiting(self) -> list[Outbox]:
        """See `SessionStore.outboxes`."""
        found: list[Outbox] = await self._run(self._waiting())
        return found

    async def _waiting(self) -> list[Outbox]:
        keys = [key async for key in self._redis.scan_iter(match=OUTBOX_KEYS, count=1000)]
        return [outbox for key in keys if (outbox := outbox_of(key)) is not None]

    async def claim(self, outbox: Outbox, owner: str, life_s: float) -> bool:
        """See `SessionStore.claim_outbox`."""
        args: list[str | int] = [owner, milliseconds(life_s)]
        return bool(await self._run(self._claim([_claim_key(outbox)], args)))

    async def leave(self, outbox: Outbox, owner: str) -> None:
        """See `SessionStore.leave_outbox`."""
        await self._run(self._leave([_claim_key(outbox)], [owner]))

    async def first(self, outbox: Outbox) -> bytes | None:
        """See `SessionStore.first_delivery`."""
        body: bytes | None = await self._run(self._redis.lindex(outbox_key(outbox), 0))
        return body

    async def delivered(self, outbox: Outbox, body: bytes) -> None:
        """See `SessionStore.delivered`."""
        await self._run(self._delivered([outbox_key(outbox)], [body]))


def _claim_key(outbox: Outbox) -> str:
    return f"{outbox_key(outbox)}:c"
