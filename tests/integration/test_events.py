"""Rules of a session over real sockets: events in results, for viewers, and over takeovers."""

import asyncio
import json
import time

import httpx
import numpy as np
import pytest
from httpx_sse import connect_sse

from maskstream_client import Rule, connect
from support.bright_streams import picture
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.stand_ins import colored_frames, stand_in

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
RULES = [
    {"name": "seen", "on": "emerged", "classes": ["red"]},
    {"name": "gone", "on": "disappeared"},
    {"name": "left_half", "on": "entered", "zone": LEFT_HALF, "min_duration_s": 0.1},
    {"name": "many", "on": "count_above", "count": 1},
]
FRAMES = colored_frames(16)


def events_of(*clients: RawClient) -> list[str]:
    """The ids of all events; a repeated result counts once."""
    found = {result.sequence: result.events for client in clients for result in client.results}
    return [event["id"] for sequence in sorted(found) for event in found[sequence]]


async def send(client: RawClient, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await client.answer(FRAMES[number - 1], pts=40_000 * number)


async def undisturbed(url: str, **hello) -> list[str]:
    async with raw_client(url) as client:
        await client.hello(rules=RULES, **hello)
        await send(client, 1, len(FRAMES))
        await client.say(type="bye")
        return events_of(client)


@pytest.mark.parametrize("masks", ["none", "rle", "labelmap", "polygons"])
async def test_events_do_not_depend_on_how_masks_are_sent(masks: str):
    with running_server(stand_in()) as live:
        found = await undisturbed(live.ws_url, masks=masks)
    assert len(found) == len(set(found))
    assert found[0] == "1.seen.1"
    assert {"1.gone.1", "1.left_half.1", "1.many.1"} < set(found)


async def test_a_takeover_by_another_server_changes_no_event(shared_redis):
    with (
        running_server(stand_in(), store=shared_redis.url) as one,
        running_server(stand_in(), store=shared_redis.url) as two,
    ):
        expected = await undisturbed(one.ws_url)
        servers = [one, two]
        async with raw_client(one.ws_url) as client:
            clients, welcome = [client], await client.hello(rules=RULES)
            await send(client, 1, 3)
            await client.flush()
            for index, first in enumerate((4, 8, 12), 1):
                resume = {"token": welcome["resume_token"], "last_sequence": first - 1}
                async with raw_client(servers[index % 2].ws_url) as again:
                    welcome = await again.hello(resume=resume)  # the rules are the session's
                    assert (welcome["resumed"], welcome["next_sequence"]) == (True, first)
                    await send(again, first, min(first + 3, len(FRAMES)))
                    await again.flush()
                    clients.append(again)
            resume = {"token": welcome["resume_token"], "last_sequence": 15}
            async with raw_client(one.ws_url) as last:
                await last.hello(resume=resume, rules=RULES)
                await send(last, 16, 16)
                clients.append(last)
    assert events_of(*clients) == expected


async def test_a_viewer_and_a_repeated_result_have_the_events_too():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(rules=RULES)
            url = live.ws_url.replace("stream", f"sessions/{welcome['session']}/watch")
            async with raw_client(url) as viewer:
                await viewer.get("watching")
                await send(client, 1, 5)
                while not viewer.results or viewer.results[-1].sequence < 5:
                    await viewer.read()
            await client.flush()
        resume = {"token": welcome["resume_token"], "last_sequence": 0}
        async with raw_client(live.ws_url) as again:
            await again.hello(resume=resume)
            while len(again.results) < 5:
                await again.read()
        assert events_of(viewer) == events_of(again) == events_of(client) != []


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"on": "emerged", "classes": ["cat"]}, "'cat'; the classes are: red, green, blue"),
        ({"on": "entered", "zone": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "crosses or touches itself"),
        ({"on": "entered", "zone": [[0, 0], [2, 0], [1, 1]]}, "(2, 0) outside the picture"),
        ({"on": "sings"}, "must be one of emerged, disappeared, entered, left, crossed, dwelt"),
    ],
)
async def test_a_wrong_rule_is_a_bad_hello_with_a_sentence(rule: dict, sentence: str):
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            await client.say(type="hello", rules=[{"name": "r"} | rule])
            error = await client.get("error")
            assert (error["code"], error["fatal"]) == ("bad_hello", True)
            assert sentence in error["message"]


async def test_a_resume_with_other_rules_is_refused_and_leaves_the_session():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(rules=RULES)
            await send(client, 1, 2)
            await client.flush()
        resume = {"token": welcome["resume_token"], "last_sequence": 2}
        async with raw_client(live.ws_url) as other:
            await other.say(type="hello", resume=resume, rules=RULES[:1])
            error = await other.get("error")
            assert error["message"].startswith("The session has other rules")
        async with raw_client(live.ws_url) as again:
            assert (await again.hello(resume=resume, rules=RULES))["resumed"]


def test_the_client_gives_events_with_results():
    rules = [Rule("seen", "emerged"), Rule("gone", "disappeared")]
    with running_server(stand_in()) as live, connect(live.url, rules=rules) as client:
        frames = [picture(0)] * 2 + [np.zeros_like(picture(0))] * 4
        results = [result for _, result in client.stream(frames)]
    found = [(result.sequence, event.id) for result in results for event in result.events]
    assert found == [(1, "1.seen.1"), (1, "1.seen.2"), (5, "1.gone.1"), (5, "1.gone.2")]


def read_events(url: str, found: list[dict], **headers: str) -> None:
    """Follow a session's events until they end."""
    with (
        httpx.Client(timeout=60) as client,
        connect_sse(client, "GET", url, headers=headers) as source,
    ):
        for event in source.iter_sse():
            found.append(json.loads(event.data) | {"type": event.event, "at": event.id})


async def test_events_come_as_server_sent_events_until_the_session_ends():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(rules=RULES)
            await send(client, 1, 5)
            await client.flush()
            session = welcome["session"]
            url = f"{live.url}/v1/sessions/{session}/events"
            late, from_start = list[dict](), list[dict]()
            readers = [
                asyncio.create_task(asyncio.to_thread(read_events, url, late)),
                asyncio.create_task(
                    asyncio.to_thread(read_events, url, from_start, **{"Last-Event-ID": "0"})
                ),
            ]
            until = time.monotonic() + 60
            while len(from_start) < len(events_of(client)) and time.monotonic() < until:
                await asyncio.sleep(0.05)
            await send(client, 6, len(FRAMES))
            await client.say(type="bye")
            await asyncio.gather(*readers)
        assert httpx.get(url).status_code == 404
    names = [f"{session}.{name}" for name in events_of(client)]
    assert [each["id"] for each in from_start] == names
    assert [each["id"] for each in late] == names[-len(late) :] != []
    assert (from_start[0]["type"], from_start[0]["at"]) == ("emerged", "1")
