"""Models that answer late, and models that need prompts, over real sockets and as whole videos."""

import asyncio
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

import httpx
import numpy as np
import pytest

from maskstream_model.errors import PromptError
from support.fake_video import FakeDecoder
from support.raw_client import RawClient, Result, raw_client
from support.server import running_server
from support.server_process import server_process
from support.stand_ins import stand_in

SOON_S = 60.0
SIZE = {"codec": 3, "height": 32, "width": 48}


def picture(number: int) -> np.ndarray:
    """Red moves, green is there on some frames, blue never."""
    pixels = np.zeros((SIZE["height"], SIZE["width"], 3), np.uint8)
    pixels[4:12, number : number + 8, 0] = 200
    pixels[20:28, 10:18, 1] = 200 * (number % 5 < 3)
    return pixels


async def stream(client: RawClient, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await client.send(picture(number).tobytes(), **SIZE)


async def results(client: RawClient, count: int) -> list[Result]:
    return [await client.result() for _ in range(count)]


async def test_a_late_model_says_so_and_answers_in_order():
    with running_server(stand_in(lookahead=3), credit_frames=2) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            assert welcome["features"] == ["classes", "prompts", "late"]
            assert (welcome["model"]["lookahead"], welcome["prompts"]) == (3, None)
            assert welcome["credit"]["frames"] == 5
            await stream(client, 1, 5)
            assert [each.sequence for each in await results(client, 2)] == [1, 2]
            await client.say(type="flush", id=1)
            assert [each.sequence for each in await results(client, 3)] == [3, 4, 5]
            assert (await client.get("flushed"))["sequence"] == 5
            await client.send(picture(6).tobytes(), flags=1, **SIZE)
            last = await client.result()
            assert (last.sequence, last.last) == (6, True)
            await stream(client, 7, 8)
            await client.say(type="bye")
            assert [each.sequence for each in await results(client, 2)] == [7, 8]
            assert await client.end() == 1000
        (model,) = json.loads(live.get("/v1/models"))["models"]
        assert model["lookahead"] == 3


async def test_provisional_results_come_at_once():
    with running_server(stand_in(lookahead=3)) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(provisional=True)
            await stream(client, 1, 1)
            (early,) = await results(client, 1)
            assert (early.sequence, early.provisional, early.durable) == (1, True, False)
            assert [track.id for track in early.tracks] == [1, 2]
            await client.say(type="bye")
            (final,) = await results(client, 1)
            assert (final.sequence, final.provisional) == (1, False)
            assert final.seen == early.seen


@dataclass(frozen=True)
class Stand:
    """A stand-in and what a client says to it."""

    facts: dict[str, Any]
    hello: dict[str, Any]


LATE = Stand({"lookahead": 3}, {})
PROMPTED = Stand({"prompts": "required"}, {"prompts": ["red"]})
BOTH = Stand({"lookahead": 3, "prompts": "required"}, {"prompts": ["red"]})


async def half(client: RawClient, stand: Stand) -> None:
    await stream(client, 1, 4)
    if "prompts" in stand.hello:
        await client.say(type="prompts", prompts=["green", "red"])
        answer = await client.get("prompted")
        assert answer["from_sequence"] == 5
        assert [each["class_id"] for each in answer["prompts"]] == [1, 0]
    await stream(client, 5, 8)


def said(result: Result) -> list[tuple]:
    return [(track.id, track.label, track.status, track.age) for track in result.tracks]


@pytest.mark.parametrize("stand", [LATE, PROMPTED, BOTH], ids=["late", "prompted", "both"])
async def test_a_killed_server_hands_over_and_nothing_is_lost(shared_redis, stand: Stand):
    lookahead = stand.facts.get("lookahead", 0)
    with running_server(stand_in(**stand.facts), credit_frames=32) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(**stand.hello)
            await half(client, stand)
            await stream(client, 9, 14)
            await client.say(type="bye")
            assert await client.end() == 1000
            expected = [said(each) for each in client.results]
    assert len(expected) == 14
    settings = {"store": shared_redis.url, "video_jobs": 0, "credit_frames": 32}
    with server_process(settings, stand.facts) as first:
        ws_url = first.url.replace("http", "ws") + "/v1/stream"
        async with raw_client(ws_url) as client:
            welcome = await client.hello(**stand.hello)
            await half(client, stand)
            durable = 0
            while durable < 8 - lookahead:
                durable = (await client.get("credit"))["durable_sequence"]
            found = {each.sequence: said(each) for each in client.results}
            first.kill()
    assert max(found) == 8 - lookahead
    with running_server(stand_in(**stand.facts), **settings) as live:
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": max(found)}
            again = await client.hello(resume=resume)
            assert (again["resumed"], again["next_sequence"]) == (True, 9 - lookahead)
            if "prompts" in stand.hello:
                texts = {each["text"]: each["class_id"] for each in again["prompts"]}
                assert texts == {"green": 1, "red": 0}
            await stream(client, again["next_sequence"], 14)
            await client.say(type="bye")
            assert await client.end() == 1000
            found |= {each.sequence: said(each) for each in client.results}
    assert [found[sequence] for sequence in sorted(found)] == expected


@pytest.mark.parametrize(
    ("facts", "hello", "words"),
    [
        ({}, {"classes": ["red", "cat"]}, "'cat'; the classes are: red, green, blue"),
        ({}, {"prompts": ["red"]}, "takes no prompts"),
        ({}, {"provisional": True}, "answers at once"),
        ({"prompts": "required"}, {}, "needs prompts"),
        ({"prompts": "required"}, {"prompts": ["red"], "classes": ["red"]}, "'red'"),
        ({"lookahead": None}, {}, "upload whole videos"),
    ],
)
async def test_what_a_model_lacks_is_a_bad_hello(facts: dict, hello: dict, words: str):
    with running_server(stand_in(**facts)) as live:
        async with raw_client(live.ws_url) as client:
            await client.say(type="hello", **hello)
            error = await client.get("error")
            assert (error["code"], error["fatal"]) == ("bad_hello", True)
            assert words in error["message"]
            assert await client.end() == 4400


async def test_prompts_that_the_model_refuses_are_a_bad_hello_with_its_sentence():
    model = stand_in(prompts="required")
    begin = model.begin

    def refuse(options):
        if options.prompts[0].text == "unicorn":
            raise PromptError("there is no unicorn")
        return begin(options)

    model.begin = refuse
    with running_server(model) as live:
        async with raw_client(live.ws_url) as client:
            await client.say(type="hello", prompts=["unicorn"])
            error = await client.get("error")
            assert (error["code"], error["fatal"]) == ("bad_hello", True)
            assert error["message"].endswith("refuses the prompts: there is no unicorn.")


async def test_prompts_that_the_model_refuses_later_leave_the_session_as_it_was():
    model = stand_in(prompts="required")
    begin = model.begin

    def refuse(options):
        if options.prompts[0].text == "unicorn":
            raise PromptError("there is no unicorn")
        return begin(options)

    model.begin = refuse
    with running_server(model) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(prompts=["red"])
            await client.say(type="prompts", prompts=["unicorn"])
            await stream(client, 1, 2)
            error = await client.get("error")
            assert (error["code"], error["fatal"]) == ("bad_message", False)
            assert error["message"].endswith("refuses the prompts: there is no unicorn.")
            assert [said(each) for each in await results(client, 2)] == [
                [(1, 0, 0, 1)],
                [(1, 0, 1, 2)],
            ]


async def test_a_slow_text_encoder_stops_no_other_part_of_the_server():
    model, begun, go_on = stand_in(prompts="required"), threading.Event(), threading.Event()
    begin = model.begin

    def slow(options):
        if options.prompts[0].text == "slow":
            begun.set()
            assert go_on.wait(SOON_S)
        return begin(options)

    model.begin = slow
    with running_server(model) as live:
        async with raw_client(live.ws_url) as first, raw_client(live.ws_url) as second:
            await first.say(type="hello", prompts=["slow"])
            assert await asyncio.to_thread(begun.wait, SOON_S)
            assert await asyncio.to_thread(live.get, "/healthz")
            go_on.set()
            await first.get("welcome")
            begun.clear()
            go_on.clear()
            await second.hello(prompts=["red"])
            await second.say(type="prompts", prompts=["slow"])
            assert await asyncio.to_thread(begun.wait, SOON_S)
            await second.say(type="ping", id=1)
            assert (await second.get("pong"))["id"] == 1
            go_on.set()
            assert (await second.get("prompted"))["from_sequence"] == 1


async def test_only_some_classes_are_mentioned_and_ids_stay_as_they_were():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(classes=["green"])
            await stream(client, 1, 2)
            assert [said(each) for each in await results(client, 2)] == [
                [(2, 1, 0, 1)],
                [(2, 1, 1, 2)],
            ]


async def test_other_prompts_beside_a_token_are_a_bad_hello(shared_redis):
    with running_server(stand_in(prompts="required"), store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(prompts=["red", "blue"])
            await client.answer(picture(1).tobytes(), **SIZE)
            await client.flush()
        for prompts, resumed in ((["green"], False), ([" red", "blue "], True)):
            async with raw_client(live.ws_url) as client:
                resume = {"token": welcome["resume_token"], "last_sequence": 1}
                await client.say(type="hello", resume=resume, prompts=prompts)
                answer = await client.get("welcome" if resumed else "error")
                assert answer.get("resumed", answer.get("code")) == (resumed or "bad_hello")


async def test_a_memory_with_more_tracks_than_this_server_allows_is_lost(shared_redis):
    with running_server(stand_in(), store=shared_redis.url) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(picture(1).tobytes(), **SIZE)
            await client.flush()
    with running_server(stand_in(), store=shared_redis.url, max_tracks=1) as live:
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": 1}
            assert not (await client.hello(resume=resume))["resumed"]
            assert (await client.get("reset"))["reason"] == "state_lost"


@pytest.mark.parametrize(
    ("stand", "options", "labels"),
    [
        (LATE, {}, {"red", "green"}),
        (LATE, {"classes": ["green"]}, {"green"}),
        (BOTH, {"prompts": [" blue", "red"]}, {"red"}),
    ],
)
def test_a_whole_video_of_such_a_model(stand: Stand, options: dict, labels: set[str]):
    decoder = FakeDecoder([picture(number) for number in range(10)], announced=10)
    with (
        running_server(stand_in(**stand.facts), decoder) as live,
        httpx.Client(base_url=live.url, timeout=SOON_S) as http,
    ):
        data = {"options": json.dumps(options)}
        video = http.post("/v1/videos", files={"file": b"a video"}, data=data).json()["id"]
        until_s = time.monotonic() + SOON_S
        while (record := http.get(f"/v1/videos/{video}").json())["state"] != "done":
            assert record["state"] != "failed", record
            assert time.monotonic() < until_s, record
            time.sleep(0.05)
        lines = [
            json.loads(line) for line in http.get(f"/v1/videos/{video}/results").text.splitlines()
        ]
    assert [line["frame"] for line in lines] == list(range(10))
    assert {each["label"] for line in lines for each in line["objects"]} == labels
    for name, value in options.items():
        assert record["options"][name] == [each.strip() for each in value]


@pytest.mark.parametrize(
    ("stand", "options", "status", "words"),
    [
        (LATE, {"prompts": ["red"]}, 400, "takes no prompts"),
        (LATE, {"classes": ["cat"]}, 400, "'cat'; the classes are: red, green, blue"),
        (LATE, {"classes": "cat"}, 422, "a list of names"),
        (BOTH, {}, 400, "needs the option prompts"),
        (BOTH, {"prompts": [""]}, 422, "1 to 256 characters"),
    ],
)
def test_options_that_a_model_cannot_fulfil(stand: Stand, options: dict, status: int, words: str):
    with running_server(stand_in(**stand.facts)) as live:
        data = {"options": json.dumps(options)}
        answer = httpx.post(f"{live.url}/v1/videos", files={"file": b"a video"}, data=data)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
