"""A real clip through GenVIS with made-up weights, and a server that dies on the way."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from support.chaos import clip_frames
from support.genvis import tiny_genvis
from support.raw_client import RawClient, raw_client
from support.server import running_server
from support.server_process import server_process

SIZE = {"codec": 3, "height": 64, "width": 96}
NUM_FRAMES, KILLED_AFTER = 14, 8


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """Cars that come and go, small, as bytes of pixels."""
    size = (SIZE["width"], SIZE["height"])
    pictures = clip_frames(3 * NUM_FRAMES, 18)[::3]
    return [np.asarray(Image.fromarray(picture).resize(size)).tobytes() for picture in pictures]


async def stream(client: RawClient, frames: list[bytes]) -> None:
    for pixels in frames:
        await client.send(pixels, **SIZE)


@pytest.mark.parametrize("clip", [1, 3], ids=["online", "semi"])
async def test_a_killed_server_hands_over_and_nothing_is_lost(shared_redis, frames, clip: int):
    load = partial(tiny_genvis, clip_frames=clip)
    committed = KILLED_AFTER - KILLED_AFTER % clip
    with running_server(load(), credit_frames=32) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            assert welcome["model"]["lookahead"] == clip - 1
            await stream(client, frames)
            await client.say(type="bye")
            assert await client.end() == 1000
            expected = {each.sequence: each.tracks for each in client.results}
    assert len(expected) == NUM_FRAMES
    assert len({track.status for tracks in expected.values() for track in tracks}) >= 3
    settings = {"store": shared_redis.url, "video_jobs": 0, "credit_frames": 32}
    with server_process(settings, load=load) as first:
        async with raw_client(first.url.replace("http", "ws") + "/v1/stream") as client:
            welcome = await client.hello()
            await stream(client, frames[:KILLED_AFTER])
            durable = 0
            while durable < committed:
                durable = (await client.get("credit"))["durable_sequence"]
            found = {each.sequence: each.tracks for each in client.results}
            first.kill()
    with running_server(load(), **settings) as live:
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": max(found)}
            again = await client.hello(resume=resume)
            assert (again["resumed"], again["next_sequence"]) == (True, committed + 1)
            await stream(client, frames[committed:])
            await client.say(type="bye")
            assert await client.end() == 1000
            found |= {each.sequence: each.tracks for each in client.results}
    assert found == expected
