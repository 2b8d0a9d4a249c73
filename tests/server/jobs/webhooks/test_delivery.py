"""Deliveries to a real server: at least once, however often it refuses or a process is killed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from maskstream_server.jobs.records.job_options import JobOptions
from maskstream_server.jobs.records.memory_store import MemoryVideoStore
from maskstream_server.jobs.records.record import VideoRecord, VideoState
from maskstream_server.jobs.webhooks.delivery import WebhookSender
from maskstream_server.jobs.webhooks.schedule import ATTEMPT_S, PAUSES_S
from maskstream_server.outbound.client import OutboundClient
from maskstream_server.outbound.rules import HostRules
from maskstream_server.outbound.signature import signed_headers
from support.http_receiver import Answer, Receiver, http_receiver
from support.uploads import video_record

KEY = b"k" * 32
SOON_S = 150.0


@dataclass
class Post:
    """A store with one video in it that has ended, and the way to the client's server."""

    receiver: Receiver
    store: MemoryVideoStore
    now_s: float = 1000.0

    def courier(self, hosts: tuple[str, ...] | None = None) -> WebhookSender:
        allowed = (self.receiver.authority,) if hosts is None else hosts
        client = OutboundClient(HostRules(allowed, allowed, "MASKSTREAM_WEBHOOK_HOSTS"))
        return WebhookSender(self.store, client, KEY, lambda: self.now_s)

    async def record(self) -> VideoRecord:
        record = await self.store.get("a")
        assert record is not None
        return record

    async def until(self, condition: Callable[[VideoRecord], bool]) -> VideoRecord:
        async with asyncio.timeout(SOON_S):
            while not condition(record := await self.record()):
                await asyncio.sleep(0.01)
        return record


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    with http_receiver() as receiver:
        store = MemoryVideoStore(1e6)
        options = JobOptions(webhook=receiver.url + "/hook?x=1")
        await store.create(video_record(options=options, state=VideoState.DONE))
        yield Post(receiver, store)


async def test_the_end_of_a_video_is_reported_and_noted(post):
    courier = post.courier()
    courier.wake("a")
    record = await post.until(lambda record: record.told_s is not None)
    (asked,) = post.receiver.asked
    assert (asked.method, asked.path) == ("POST", "/hook?x=1")
    reported = json.loads(asked.body)
    assert (reported["id"], reported["state"], reported["name"]) == ("a", "done", "a.mp4")
    for name, value in signed_headers(KEY, "a", asked.body, 1000.0).items():
        assert asked.headers[name.lower()] == value
    assert (record.tell_attempts, record.told_s, record.updated_s) == (1, 1000.0, 1.0)
    courier.wake("a")
    courier.wake("nobody")
    await asyncio.sleep(0.1)
    assert len(post.receiver.asked) == 1
    await courier.close()


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_it_is_tried_again_until_it_is_taken(post, monkeypatch, status):
    monkeypatch.setattr("maskstream_server.jobs.webhooks.schedule.PAUSES_S", (0.0, 0.0, 0.0, 0.0))
    post.receiver.reply = lambda asked: Answer(status if len(post.receiver.asked) < 4 else 204)
    courier = post.courier()
    courier.wake("a")
    record = await post.until(lambda record: record.told_s is not None)
    assert record.tell_attempts == len(post.receiver.asked) == 4
    assert {asked.headers["webhook-id"] for asked in post.receiver.asked} == {"a"}
    await courier.close()


async def test_it_is_given_up_in_the_end(post, monkeypatch):
    pauses = (0.0, 0.0)
    monkeypatch.setattr("maskstream_server.jobs.webhooks.schedule.PAUSES_S", pauses)
    post.receiver.reply = lambda asked: Answer(500)
    courier = post.courier()
    courier.wake("a")
    await post.until(lambda record: record.tell_attempts > len(pauses))
    await asyncio.sleep(0.1)
    courier.wake("a")
    await asyncio.sleep(0.1)
    assert len(post.receiver.asked) == 1 + len(pauses)
    assert (await post.record()).told_s is None
    await courier.close()


async def test_of_many_senders_one_delivers(post):
    couriers = [post.courier() for _ in range(5)]
    for courier in couriers:
        courier.wake("a")
    await post.until(lambda record: record.told_s is not None)
    assert len(post.receiver.asked) == 1
    for courier in couriers:
        await courier.close()


async def test_a_sender_that_dies_before_it_records_the_delivery_is_replaced(post):
    first, held = post.courier(), asyncio.Event()
    loop = asyncio.get_running_loop()
    post.receiver.reply = lambda asked: (
        asyncio.run_coroutine_threadsafe(held.wait(), loop).result(SOON_S) and Answer()
    )
    first.wake("a")
    async with asyncio.timeout(SOON_S):
        while not post.receiver.asked:
            await asyncio.sleep(0.01)
    await first.close()
    held.set()
    assert (await post.record()).told_s is None
    second = post.courier()
    second.wake("a")  # too early: the first one may still be at it
    await asyncio.sleep(0.1)
    assert len(post.receiver.asked) == 1
    post.now_s += ATTEMPT_S + PAUSES_S[0]
    second.wake("a")
    assert (await post.until(lambda record: record.told_s is not None)).tell_attempts == 2
    assert len(post.receiver.asked) == 2
    await second.close()


async def test_a_host_that_is_no_longer_allowed_is_not_reported(post):
    courier = post.courier(hosts=("other.example",))
    courier.wake("a")
    record = await post.until(lambda record: record.tell_attempts == 1)
    await asyncio.sleep(0.1)
    assert post.receiver.asked == []
    assert record.told_s is None
    await courier.close()
