"""MDQE, which answers late, over a real socket: a real clip through a server that is killed."""

from contextlib import closing
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from maskstream_client.sources import open_frames
from support.chaos import CLIP
from support.mdqe import tiny_model
from support.raw_client import raw_client
from support.server import running_server
from support.server_process import server_process

FRAMES, BEFORE, LATE = 14, 8, 2
SIZE = {"codec": 3, "height": 64, "width": 96}
SETTINGS = {"deterministic": True, "video_jobs": 0, "credit_frames": 32}


@pytest.fixture(scope="module")
def pictures():
    """Every seventh frame of a real recording, small: cars that come and go."""
    with closing(open_frames(str(CLIP))) as video:
        some = islice(video, 0, 7 * FRAMES, 7)
        return [np.asarray(Image.fromarray(each.pixels).resize((96, 64))) for each in some]


async def sent(client, pictures):
    for picture in pictures:
        await client.send(picture.tobytes(), **SIZE)


def facts(result):
    return [
        (track.id, track.label, track.status, track.age, track.area, track.mask)
        for track in result.tracks
    ]


async def test_a_killed_server_hands_over_and_every_result_is_the_same(shared_redis, pictures):
    with running_server(tiny_model(), **SETTINGS) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello(min_score=0.0)
            assert welcome["model"]["lookahead"] == LATE
            await sent(client, pictures)
            await client.say(type="bye")
            assert await client.end() == 1000
            expected = {each.sequence: facts(each) for each in client.results}
    assert len(expected) == FRAMES
    assert len({track[0] for tracks in expected.values() for track in tracks}) > 1
    settings = {"store": shared_redis.url, **SETTINGS}
    with server_process(settings, load=tiny_model) as first:
        async with raw_client(first.url.replace("http", "ws") + "/v1/stream") as client:
            welcome = await client.hello(min_score=0.0)
            await sent(client, pictures[:BEFORE])
            durable = 0
            while durable < BEFORE - LATE:
                durable = (await client.get("credit"))["durable_sequence"]
            found = {each.sequence: facts(each) for each in client.results}
            first.kill()
    assert max(found) == BEFORE - LATE
    with running_server(tiny_model(), **settings) as live:
        async with raw_client(live.ws_url) as client:
            resume = {"token": welcome["resume_token"], "last_sequence": max(found)}
            again = await client.hello(resume=resume, min_score=0.0)
            assert (again["resumed"], again["next_sequence"]) == (True, BEFORE - LATE + 1)
            await sent(client, pictures[BEFORE - LATE :])
            await client.say(type="bye")
            assert await client.end() == 1000
            found |= {each.sequence: facts(each) for each in client.results}
    assert found == expected


async def test_provisional_results_come_with_every_frame(pictures):
    with running_server(tiny_model(), **SETTINGS) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(provisional=True, min_score=0.0)
            heard = []
            # One frame after the other: a provisional result that is late would not be sent.
            for picture, count in zip(pictures, (1, 1, 2, 2), strict=False):
                await sent(client, [picture])
                some = [await client.result() for _ in range(count)]
                heard.append({(each.sequence, each.provisional) for each in some})
            await client.say(type="bye")
            await client.end()
    assert heard == [
        {(1, True)},
        {(2, True)},
        {(1, False), (3, True)},
        {(2, False), (4, True)},
    ]
