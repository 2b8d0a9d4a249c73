"""Models that answer late, and models that need prompts, over real sockets."""

import json

import pytest

from support.bright_streams import BOTH, LATE, PROMPTED, SIZE, Stand, picture, results, said, stream
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.server_process import server_process
from support.stand_ins import stand_in


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


async def half(client: RawClient, stand: Stand) -> None:
    await stream(client, 1, 4)
    if "prompts" in stand.hello:
        await client.say(type="prompts", prompts=["green", "red"])
        answer = await client.get("prompted")
        assert answer["from_sequence"] == 5
        assert [each["class_id"] for each in answer["prompts"]] == [1, 0]
    await stream(client, 5, 8)


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
