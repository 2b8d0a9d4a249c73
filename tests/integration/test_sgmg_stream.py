"""A real clip through SgMg with made-up weights: texts change, and a server dies in a chunk."""

import numpy as np
import pytest
from PIL import Image

from support.chaos import clip_frames
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.server_process import server_process
from support.sgmg import tiny_model

SIZE = {"codec": 3, "height": 64, "width": 96}
BEFORE, AFTER, KILLED, ALL = 6, 7, 10, 13
"""Frames: the last ones of the first texts, the first of others, the last before the kill, all."""
COMMITTED = 8
"""The end of the last whole chunk of four before the kill."""


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """Cars that come and go, small, as bytes of pixels."""
    size = (SIZE["width"], SIZE["height"])
    pictures = clip_frames(3 * ALL, 18)[::3]
    return [np.asarray(Image.fromarray(picture).resize(size)).tobytes() for picture in pictures]


async def stream(client: RawClient, frames: list[bytes], first: int, last: int) -> None:
    """Send frames of these numbers; the texts are others from frame `AFTER` on."""
    for number in range(first, last + 1):
        if number == AFTER:
            await client.say(type="prompts", prompts=["the red car", "a bus"])
            assert (await client.get("prompted"))["from_sequence"] == AFTER
        await client.send(frames[number - 1], **SIZE)


async def end(client: RawClient) -> dict[int, object]:
    await client.say(type="bye")
    assert await client.end() == 1000
    return {each.sequence: each.tracks for each in client.results}


async def test_a_killed_server_hands_over_and_nothing_is_lost(shared_redis, frames):
    hello = {"prompts": ["a white car", "a bus"]}
    with running_server(tiny_model(), credit_frames=32) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(**hello)
            assert (welcome["model"]["lookahead"], welcome["model"]["task"]) == (3, "referring")
            await stream(client, frames, 1, ALL)
            expected = await end(client)
    assert sorted(expected) == list(range(1, ALL + 1))
    labels = [sorted(track.label for track in expected[n]) for n in (BEFORE, AFTER, ALL)]
    assert labels == [[0, 1], [0, 1, 2], [1, 2]]
    settings = {"store": shared_redis.url, "video_jobs": 0, "credit_frames": 32}
    with server_process(settings, load=tiny_model) as first:
        async with raw_client(first.url.replace("http", "ws") + "/v1/stream") as client:
            welcome = await client.hello(**hello)
            await stream(client, frames, 1, KILLED)
            durable = 0
            while durable < COMMITTED:
                durable = (await client.get("credit"))["durable_sequence"]
            found = {each.sequence: each.tracks for each in client.results}
            first.kill()
    assert max(found) == COMMITTED
    with running_server(tiny_model(), **settings) as live:
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": max(found)}
            again = await client.hello(resume=resume)
            assert (again["resumed"], again["next_sequence"]) == (True, COMMITTED + 1)
            texts = [each["text"] for each in again["prompts"]]
            assert texts == ["the red car", "a bus"]
            await stream(client, frames, COMMITTED + 1, ALL)
            found |= await end(client)
    assert found == expected
