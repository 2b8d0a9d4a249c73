"""Delivers webhooks, at least once each: the record says what has been delivered.

The process that ends a job wakes its own sender; where that process dies, `Maintenance` of any
other finds what is due. The body is what `GET /v1/videos/{id}` answers; the message's id is the
video's, the same in every attempt.
"""

import asyncio
import json
import time
from collections.abc import Callable

import structlog

from maskstream_server.errors import (
    FencedOutError,
    RecordUnreadableError,
    StoreUnreachableError,
    VideoUnknownError,
)
from maskstream_server.jobs.records.public import public_json
from maskstream_server.jobs.records.record import VideoRecord
from maskstream_server.jobs.records.store import VideoStore, change
from maskstream_server.jobs.webhooks.schedule import (
    ATTEMPT_S,
    begin_attempt,
    delivered,
    given_up,
    schedule_retry,
)
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.webhook import WebhookClient

MAX_AT_ONCE = 16

log = structlog.get_logger(__name__)


class WebhookSender:
    """Reports the ends of jobs to the servers of clients."""

    def __init__(
        self,
        store: VideoStore,
        client: OutboundClient,
        key: bytes,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._now_s = store, now_s
        self._client = WebhookClient(client, key, now_s)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(MAX_AT_ONCE)

    def wake(self, video: str) -> None:
        """Deliver the webhook of a video, if it has one that is due; returns at once."""
        if video not in self._under_way:
            task = asyncio.create_task(self._deliver(video))
            self._under_way[video] = task
            task.add_done_callback(lambda done: self._finished(video, done))

    async def close(self) -> None:
        """Stop; what has not been delivered is left to others, or to the next start."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _deliver(self, video: str) -> None:
        """Try until it is delivered or given up."""
        try:
            while (retry_s := await self._attempt(video)) is not None:
                await asyncio.sleep(retry_s)
        except (FencedOutError, VideoUnknownError, RecordUnreadableError):
            return
        except StoreUnreachableError as error:
            log.warning("store_away", reason=str(error))

    async def _attempt(self, video: str) -> float | None:
        """Make one attempt; return seconds to the next one, None where there is none.

        Raises:
            FencedOutError: there is nothing to deliver, or another server is about to.
        """
        store, now_s = self._store, self._now_s
        async with self._places:
            record = await change(store, video, lambda old: begin_attempt(old, now_s()))
            reason = await self._post(record)
            if reason is None:
                await change(store, video, lambda old: delivered(old, now_s()))
                return None
            attempt = record.tell_attempts
            record = await change(store, video, lambda old: schedule_retry(old, attempt, now_s()))
        log.info("webhook_failed", video=video, attempt=attempt, reason=reason)
        if given_up(record):
            log.warning("webhook_given_up", video=video, reason=reason)
            return None
        return max(0.0, (record.tell_at_s or 0.0) - now_s())

    async def _post(self, record: VideoRecord) -> str | None:
        """Send the message; return why it was not accepted, None where it was."""
        url, body = record.options.webhook, json.dumps(public_json(record)).encode()
        assert url is not None
        return await self._client.post(url, record.id, body, ATTEMPT_S)

    def _finished(self, video: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[video]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("webhook_sender_failed", video=video, exc_info=error)
