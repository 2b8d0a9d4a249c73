"""The main job over a real socket, with the fake model."""

import asyncio
import threading

import numpy as np
import pytest

from support.raw_client import grey, jpeg, raw_client
from support.server import POISON, FakeModel, LiveServer, running_server
from support.tiny import tiny_frames, tiny_model


async def test_frames_go_in_and_results_come_out_in_order(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        welcome = await client.hello()
        assert (welcome["epoch"], welcome["resumed"], welcome["next_sequence"]) == (1, False, 1)
        for _ in range(5):
            await client.send(grey())
        await client.flush()
        assert [result.sequence for result in client.results] == [1, 2, 3, 4, 5]
        assert [result.tracks[0].status for result in client.results] == [0, 1, 1, 1, 1]
        assert client.results[0].mask_size == (36, 64)
        await client.say(type="bye")
        assert await client.end() == 1000


async def test_permessage_deflate_is_declined(live_server: LiveServer):
    async with raw_client(live_server.ws_url, compression="deflate") as client:
        await client.hello()
        assert client.socket.protocol.extensions == []
        assert client.socket.subprotocol == "maskstream.v1"


@pytest.mark.parametrize(
    ("masks", "codec"), [("none", 0), ("rle", 1), ("bits", 2), ("labelmap", 3), ("polygons", 5)]
)
async def test_every_mask_encoding_at_every_scale(live_server: LiveServer, masks, codec):
    for scale, size in ((1, (37, 65)), (0.5, (19, 33)), (0.25, (10, 17))):
        async with raw_client(live_server.ws_url) as client:
            await client.hello(masks=masks, mask_scale=scale)
            result = await client.answer(grey(height=37, width=65))
            assert (result.codec, result.mask_size) == (codec, size)
            assert bool(result.tracks[0].area) == (masks != "none")


async def test_a_high_min_score_mentions_nothing(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello(min_score=0.95)
        assert (await client.answer(grey())).tracks == ()


async def test_the_size_of_the_picture_may_change(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        assert (await client.answer(grey())).mask_size == (36, 64)
        second = await client.answer(grey(height=80, width=24))
        assert (second.mask_size, second.tracks[0].id) == ((80, 24), 1)


async def test_reset_begins_an_epoch(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await client.send(grey())
        await client.send(grey())
        await client.say(type="reset")
        reset = await client.get("reset")
        assert reset == {"type": "reset", "epoch": 2, "reason": "client", "next_sequence": 3}
        assert [result.epoch for result in client.results] == [1, 1]
        third = await client.answer(grey(), epoch=2)
        assert (third.epoch, third.first, third.tracks[0].age) == (2, True, 1)


async def test_latest_answers_the_newest_frame():
    with running_server(FakeModel(step_s=0.3)) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(policy="latest")
            await client.send(grey())
            await asyncio.sleep(0.15)
            for _ in range(5):
                await client.send(grey())
            await client.flush()
            assert [result.sequence for result in client.results] == [1, 6]
            assert client.results[1].dropped == 4
            assert sum(drop["last"] - drop["first"] + 1 for drop in client.of("drop")) == 4


async def test_sessions_side_by_side_have_their_own_tracks(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as one, raw_client(live_server.ws_url) as two:
        await one.hello()
        await two.hello()
        for _ in range(3):
            await one.answer(grey())
        assert (await two.answer(grey())).tracks[0].age == 1
        assert (await one.answer(grey())).tracks[0].age == 4


async def test_ping_is_answered(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await client.say(type="ping", id=[1, None])
        assert (await client.get("pong"))["id"] == [1, None]


async def test_a_stopping_server_answers_commits_and_says_goodbye():
    with running_server(FakeModel(step_s=0.2)) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            await client.send(grey())
            await client.send(grey())
            await asyncio.sleep(0.1)
            stopping = asyncio.create_task(asyncio.to_thread(live.stop))
            assert await client.end() == 1012
            assert [result.sequence for result in client.results] == [1, 2]
            (goaway,) = client.of("goaway")
            assert goaway["reason"] == "shutdown"
            await stopping


class StuckModel(FakeModel):
    """Never comes back from a poisoned frame until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def look(self, frames):
        if any((frame[0, 0] == POISON).all() for frame in frames):
            self.entered.set()
            self.let_go.wait(30)
        super().look(frames)


async def test_a_server_whose_model_is_stuck_still_stops():
    model = StuckModel()
    with running_server(model, drain_s=0.2) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            await client.send(grey(POISON))
            await asyncio.to_thread(model.entered.wait, 10)
            stopping = asyncio.create_task(asyncio.to_thread(live.stop))
            assert await client.end() == 1012
            await stopping
    assert not model.let_go.is_set()
    model.let_go.set()


async def test_metrics_count_what_happened():
    with running_server() as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            await client.answer(grey())
            await client.send(b"no jpeg")
            await client.flush()
            assert live.metric("maskstream_sessions_live") == 1
            assert live.metric("maskstream_results_total") == 1
            assert live.metric("maskstream_errors_total", code="frame_undecodable") == 1
            assert live.metric("maskstream_drops_total", reason="undecodable") == 1
            text = await asyncio.to_thread(live.get, "/metrics")
        assert "maskstream_frame_seconds_bucket" in text


async def test_max_tracks_keeps_new_tracks_out_and_a_metric_counts_them():
    frames = tiny_frames(8, seed=1)
    with running_server(tiny_model(), max_tracks=2) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello(min_score=0.0, masks="none")
            for frame in frames:
                height, width, _ = frame.shape
                await client.answer(frame.tobytes(), codec=3, width=width, height=height)
            alive = [sum(track.status != 3 for track in each.tracks) for each in client.results]
        assert max(alive) == 2
        assert live.metric("maskstream_refused_newcomers_total") > 0


async def test_orientation_turns_the_picture_and_its_masks(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        result = await client.answer(grey(height=36, width=64), orientation=6)
        assert result.mask_size == (64, 36)


async def test_rgb24_png_and_webp_are_taken(live_server: LiveServer):
    import io

    from PIL import Image

    async with raw_client(live_server.ws_url) as client:
        await client.hello(codecs=["png", "webp", "rgb24"])
        for number, name in ((1, "PNG"), (2, "WEBP")):
            buffer = io.BytesIO()
            Image.fromarray(grey()).save(buffer, name)
            assert (await client.answer(buffer.getvalue(), codec=number)).mask_size == (36, 64)
        raw = np.ascontiguousarray(grey()).tobytes()
        assert (await client.answer(raw, codec=3, width=64, height=36)).mask_size == (36, 64)
        await client.send(jpeg(grey()))
        assert (await client.get("error"))["code"] == "codec_unsupported"
