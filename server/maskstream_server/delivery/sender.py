"""Takes events out of the store's outboxes and delivers them.

An outbox belongs to one server at a time, by a claim that runs out where that server dies. A commit
wakes its own server; `start` finds once in a while what others have left.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog

from maskstream_server.delivery.channels import DeliveryChannel
from maskstream_server.errors import StoreError
from maskstream_server.stores.interface import Channel, Outbox, SessionStore

MAX_AT_ONCE: Final = 16
CLAIM_S: Final = 60.0
"""Longer than an attempt takes, with every command of the store around it."""
PAUSES_S: Final = (1.0, 5.0, 30.0, 120.0, 300.0)
"""After each attempt that fails; the last one again and again, until the store gives up."""
TEND_S: Final = 15.0

log = structlog.get_logger(__name__)


class EventSender:
    """Delivers the events of all sessions that share a store.

    Args:
        store: keeps the outboxes.
        owner: this server's name in it.
        channels: the ways that the operator has set up.
    """

    def __init__(
        self, store: SessionStore, owner: str, channels: Mapping[Channel, DeliveryChannel]
    ) -> None:
        self.channels = channels
        self._store, self._owner = store, owner
        self._under_way: dict[Outbox, asyncio.Task[None]] = {}
        self._again: set[Outbox] = set()
        self._places = asyncio.Semaphore(MAX_AT_ONCE)
        self._tending: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look for what is left to be delivered, from now on."""
        if self.channels:
            self._tending = asyncio.create_task(self._tend())

    def wake(self, session: str) -> None:
        """Deliver what a session has; returns at once."""
        for channel in self.channels:
            self._wake(Outbox(session, channel))

    async def close(self) -> None:
        """Stop; what has not been delivered is left to others, or to the next start."""
        tasks = [*self._under_way.values(), *([self._tending] if self._tending else [])]
        self._again.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tend(self) -> None:
        while True:
            try:
                for outbox in await self._store.outboxes():
                    if outbox.channel in self.channels:
                        self._wake(outbox)
            except StoreError as error:
                log.warning("outboxes_not_tended", reason=str(error))
            await asyncio.sleep(TEND_S)

    def _wake(self, outbox: Outbox) -> None:
        if outbox in self._under_way:
            self._again.add(outbox)
            return
        task = asyncio.create_task(self._deliver(outbox))
        self._under_way[outbox] = task
        task.add_done_callback(lambda done: self._finished(outbox, done))

    def _finished(self, outbox: Outbox, task: "asyncio.Task[None]") -> None:
        del self._under_way[outbox]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("event_sender_failed", session=outbox.session, exc_info=error)
        elif outbox in self._again:
            self._again.discard(outbox)
            self._wake(outbox)

    async def _deliver(self, outbox: Outbox) -> None:
        """Deliver until the outbox is empty, or another server's."""
        try:
            await self._deliver_claimed(outbox)
        except StoreError as error:
            log.warning("outbox_not_delivered", session=outbox.session, reason=str(error))
        finally:
            with suppress(StoreError):
                await self._store.leave_outbox(outbox, self._owner)

    async def _deliver_claimed(self, outbox: Outbox) -> None:
        store, num_failed, pause_s = self._store, 0, 0.0
        while await store.claim_outbox(outbox, self._owner, CLAIM_S + pause_s):
            await asyncio.sleep(pause_s)
            body = await store.first_delivery(outbox)
            if body is None:
                return
            async with self._places:
                reason = await self.channels[outbox.channel].send(body)
            if reason is None:
                await store.delivered(outbox, body)
                num_failed, pause_s = 0, 0.0
                continue
            pause_s = PAUSES_S[min(num_failed, len(PAUSES_S) - 1)]
            num_failed += 1
            log.info(
                "event_not_delivered",
                session=outbox.session,
                channel=outbox.channel,
                attempt=num_failed,
                reason=reason,
            )
