"""Events of a session by signed webhooks: in order, at least once each, whatever is away."""

import json
import threading
import time
from collections.abc import Callable

import pytest

from maskstream_protocol import STREAM_PATH
from maskstream_server.delivery import sender
from maskstream_server.outbound.signature import secret_key, signed_headers
from support.http_receiver import Answer, Asked, Receiver, http_receiver
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.server_process import server_process
from support.stand_ins import colored_frames, stand_in

SECRET = "whsec_" + "c2VjcmV0" * 5
RULES = [{"name": "seen", "on": "emerged"}, {"name": "gone", "on": "disappeared"}]
FRAMES = colored_frames(16)
SOON_S = 60.0


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(sender, "PAUSES_S", (0.05,))
    monkeypatch.setattr(sender, "TEND_S", 0.2)


def serving(receiver: Receiver, **settings):
    hosts = (receiver.authority,)
    return running_server(
        stand_in(), webhook_hosts=hosts, private_hosts=hosts, webhook_secret=SECRET, **settings
    )


async def send(client: RawClient, first: int, last: int) -> list[str]:
    """Send frames; returns the ids of their events as they are delivered."""
    found = []
    for number in range(first, last + 1):
        events = (await client.answer(FRAMES[number - 1], pts=40_000 * number)).events
        found += [f"{client.welcome['session']}.{event['id']}" for event in events]
    return found


def delivered(receiver: Receiver, count: int) -> list[str]:
    """The ids that were accepted, once there are so many."""
    wait_until(lambda: len(receiver.asked) >= count)
    return [json.loads(asked.body)["id"] for asked in receiver.asked]


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


async def test_events_come_signed_and_in_order():
    with http_receiver() as receiver, serving(receiver) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(rules=RULES, webhook=f"{receiver.url}/hook")
            expected = await send(client, 1, len(FRAMES))
            await client.say(type="bye")
        assert delivered(receiver, len(expected)) == expected
    first = receiver.asked[0]
    assert json.loads(first.body) == {
        "id": f"{client.welcome['session']}.1.seen.1",
        "session": client.welcome["session"],
        "epoch": 1,
        "sequence": 1,
        "time_s": 0.04,
        "event": {
            "id": "1.seen.1",
            "rule": "seen",
            "type": "emerged",
            "track_id": 1,
            "class_id": 0,
            "label": "red",
            "score": pytest.approx(1, abs=0.6),
        },
    }
    now_s = float(first.headers["webhook-timestamp"])
    signed = signed_headers(secret_key(SECRET), expected[0], first.body, now_s)
    assert first.headers["webhook-signature"] == signed["webhook-signature"]
    assert first.headers["webhook-id"] == expected[0]


async def test_a_receiver_that_fails_gets_the_same_event_until_it_takes_it():
    answers = iter([500, 200, 503, 503])

    def reply(asked: Asked) -> Answer:
        return Answer(next(answers, 200))

    with http_receiver(reply) as receiver, serving(receiver) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(rules=RULES, webhook=receiver.url)
            expected = await send(client, 1, len(FRAMES))
            await client.flush()
            first, second, *others = expected
            tries = [first, first, second, second, second, *others]
            assert delivered(receiver, len(tries)) == tries


async def test_one_receiver_that_hangs_holds_no_other_up():
    held = threading.Event()

    def reply(asked: Asked) -> Answer:
        if asked.path == "/slow":
            held.wait(SOON_S)
        return Answer()

    with http_receiver(reply) as receiver, serving(receiver) as live:
        async with raw_client(live.ws_url) as slow, raw_client(live.ws_url) as quick:
            await slow.hello(rules=RULES, webhook=f"{receiver.url}/slow")
            await quick.hello(rules=RULES, webhook=f"{receiver.url}/quick")
            await send(slow, 1, 3)
            expected = await send(quick, 1, len(FRAMES))
            await quick.flush()
            wait_until(lambda: len(receiver.asked) > len(expected))
            held.set()
        quick_ones = [asked.body for asked in receiver.asked if asked.path == "/quick"]
        assert [json.loads(body)["id"] for body in quick_ones] == expected


async def test_another_server_delivers_what_one_has_left(shared_redis):
    away = threading.Event()

    def reply(asked: Asked) -> Answer:
        return Answer(200 if away.is_set() else 503)

    with http_receiver(reply) as receiver:
        with serving(receiver, store=shared_redis.url) as one:
            async with raw_client(one.ws_url) as client:
                await client.hello(rules=RULES, webhook=receiver.url)
                expected = await send(client, 1, 8)
                await client.flush()
                token = client.welcome["resume_token"]
        receiver.asked.clear()
        away.set()
        with serving(receiver, store=shared_redis.url) as two:
            assert delivered(receiver, len(expected))[: len(expected)] == expected
            async with raw_client(two.ws_url) as again:
                await again.hello(resume={"token": token, "last_sequence": 8})
                expected += await send(again, 9, len(FRAMES))
                await again.flush()
                assert delivered(receiver, len(expected)) == expected


async def test_a_killed_server_loses_no_event_and_makes_none_anew(shared_redis):
    """What it had not committed comes from the frames that are sent again, by the same ids."""
    taken: list[str] = []
    expected: dict[int, list[str]] = {}

    def reply(asked: Asked) -> Answer:
        if len(receiver.asked) % 3 == 0:
            return Answer(503)
        taken.append(json.loads(asked.body)["id"])
        return Answer()

    def all_taken() -> bool:
        return len(set(taken)) == sum(map(len, expected.values()))

    with http_receiver(reply) as receiver:
        hosts = (receiver.authority,)
        settings = {"webhook_hosts": hosts, "private_hosts": hosts, "webhook_secret": SECRET}
        hello = {"rules": RULES, "webhook": receiver.url}
        for up_to in (6, 11, len(FRAMES)):
            with server_process(settings | {"store": shared_redis.url}, {"lookahead": 0}) as server:
                async with raw_client(server.url.replace("http", "ws") + STREAM_PATH) as client:
                    welcome = await client.hello(**hello)
                    assert welcome["resumed"] == ("resume" in hello)
                    for number in range(welcome["next_sequence"], up_to + 1):
                        found = await send(client, number, number)
                        assert expected.setdefault(number, found) == found
                    hello["resume"] = {"token": welcome["resume_token"], "last_sequence": up_to}
                    if up_to < len(FRAMES):
                        server.kill()
                    else:
                        await client.flush()
                        wait_until(all_taken)
    names = [name for number in sorted(expected) for name in expected[number]]
    assert list(dict.fromkeys(taken)) == names


@pytest.mark.parametrize(
    ("hello", "sentence"),
    [
        ({"webhook": "http://127.0.0.1:1/"}, "A webhook needs rules"),
        (
            {"webhook": "http://elsewhere.example/", "rules": RULES},
            "does not let this server go to",
        ),
        ({"webhook": "no address", "rules": RULES}, "address"),
    ],
)
async def test_an_address_that_is_not_allowed_is_a_bad_hello(hello: dict, sentence: str):
    with http_receiver() as receiver, serving(receiver) as live:
        async with raw_client(live.ws_url) as client:
            await client.say(type="hello", **hello)
            error = await client.get("error")
            assert error["code"] == "bad_hello"
            assert sentence in error["message"]


async def test_a_server_without_a_secret_sends_none():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            await client.say(type="hello", rules=RULES, webhook="http://127.0.0.1:1/")
            assert "MASKSTREAM_WEBHOOK_SECRET" in (await client.get("error"))["message"]
