"""What a client may ask a model for: prompts and classes, over real sockets."""

import asyncio
import threading

import pytest

from maskstream_model.errors import PromptError
from support.bright_streams import SIZE, picture, results, said, stream
from support.raw_client import raw_client
from support.server import running_server
from support.stand_ins import stand_in

SOON_S = 60.0


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


@pytest.fixture
def unicorn_refused():
    """A server whose model refuses the prompt "unicorn"."""
    model = stand_in(prompts="required")
    begin = model.begin

    def refuse(options):
        if options.prompts[0].text == "unicorn":
            raise PromptError("there is no unicorn")
        return begin(options)

    model.begin = refuse
    with running_server(model) as live:
        yield live


async def test_prompts_that_the_model_refuses_are_a_bad_hello_with_its_sentence(unicorn_refused):
    async with raw_client(unicorn_refused.ws_url) as client:
        await client.say(type="hello", prompts=["unicorn"])
        error = await client.get("error")
        assert (error["code"], error["fatal"]) == ("bad_hello", True)
        assert error["message"].endswith("refuses the prompts: there is no unicorn.")


async def test_prompts_that_the_model_refuses_later_leave_the_session_as_it_was(unicorn_refused):
    async with raw_client(unicorn_refused.ws_url) as client:
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


async def test_a_resume_with_other_classes_mentions_those_alone():
    with running_server(stand_in()) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            await client.answer(picture(1).tobytes(), **SIZE)
            await client.flush()
        seen = []
        for number, classes in ((2, ["green"]), (3, ["red", "green"])):
            async with raw_client(live.ws_url) as client:
                resume = {"token": welcome["resume_token"], "last_sequence": number - 1}
                welcome = await client.hello(resume=resume, classes=classes)
                seen.append(said(await client.answer(picture(1).tobytes(), **SIZE)))
                await client.flush()
        assert seen == [[(2, 1, 1, 2)], [(1, 0, 0, 3), (2, 1, 1, 3)]]


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
