"""The main job over a real socket, with the fake model."""

import asyncio
import threading

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from maskstream_protocol import STREAM_PATH
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


async def test_no_slot_means_server_full_until_one_is_free():
    with running_server(max_sessions=1) as live:
        async with raw_client(live.ws_url) as first:
            await first.hello()
            async with raw_client(live.ws_url) as second:
                await second.say(type="hello")
                assert await second.end() == 1013
                (error,) = second.of("error")
                assert (error["code"], error["fatal"], error["retry"]) == (
                    "server_full",
                    True,
                    True,
                )
                assert error["retry_after_ms"] > 0
            await first.say(type="bye")
            assert await first.end() == 1000
        async with raw_client(live.ws_url) as third:
            await third.hello()


async def test_idle_sessions_give_their_slots_to_newcomers_and_can_be_resumed():
    with running_server(max_sessions=2, idle_s=0.3, heartbeat_s=0.1) as live:
        async with raw_client(live.ws_url) as first, raw_client(live.ws_url) as second:
            welcome = await first.hello()
            await first.answer(grey())
            await first.flush()
            await second.hello()
            await asyncio.sleep(0.4)
            await second.answer(grey())
            async with raw_client(live.ws_url) as newcomer:
                await newcomer.hello()
                await newcomer.answer(grey())
                assert await first.end() == 4408
            await asyncio.sleep(0.4)
            async with raw_client(live.ws_url) as again:
                resume = {"token": welcome["resume_token"], "last_sequence": 1}
                assert (await again.hello(resume=resume))["resumed"]
                assert (await again.answer(grey())).tracks[0].age == 2


async def test_a_session_whose_frame_is_under_way_is_not_idle():
    may_end = threading.Event()

    class Slow(FakeModel):
        def track(self, frame, age):
            assert (frame[0, 0] != 200).all() or may_end.wait(60)
            return super().track(frame, age)

    with running_server(Slow(), max_sessions=1, idle_s=0.3, heartbeat_s=0.1) as live:
        async with raw_client(live.ws_url) as busy, raw_client(live.ws_url) as newcomer:
            await busy.hello()
            await busy.send(grey(200))
            await asyncio.sleep(0.6)
            await newcomer.say(type="hello")
            assert await newcomer.end() == 1013
            may_end.set()
            assert (await busy.result()).sequence == 1


async def test_an_address_beyond_its_quota_of_sessions_is_refused():
    with running_server(max_sessions_per_address=1) as live:
        async with raw_client(live.ws_url) as first, raw_client(live.ws_url) as second:
            await first.hello()
            await second.say(type="hello")
            assert await second.end() == 4507
            assert second.error_codes == ["quota"]
            await first.answer(grey())


@pytest.mark.parametrize("subprotocols", [None, ["maskstream.v2"], ["chat"]])
async def test_another_subprotocol_is_refused_before_the_upgrade(
    live_server: LiveServer, subprotocols, caplog
):
    with pytest.raises(InvalidStatus) as refused:
        async with raw_client(live_server.ws_url, subprotocols=subprotocols):
            pass
    assert refused.value.response.status_code == 400
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
    assert [record.getMessage() for record in caplog.records if record.name != "asyncio"] == []


async def test_a_foreign_origin_is_refused_and_a_listed_one_is_not():
    with running_server(allowed_origins=("https://good.example",)) as live:
        with pytest.raises(InvalidStatus) as refused:
            async with raw_client(live.ws_url, origin="https://evil.example"):
                pass
        assert refused.value.response.status_code == 403
        for origin in ("https://good.example", live.url):
            async with raw_client(live.ws_url, origin=origin) as client:
                await client.hello()


@pytest.mark.parametrize("path", [STREAM_PATH, "/v1/sessions/abc/watch"])
async def test_a_page_whose_name_stands_for_this_machine_is_refused_where_no_key_is_asked(path):
    with running_server() as live:
        evil = live.url.replace("127.0.0.1", "evil.example")
        address = {"host": "127.0.0.1", "origin": evil}
        with pytest.raises(InvalidStatus) as refused:
            async with raw_client(evil.replace("http", "ws") + path, **address):
                pass
        assert refused.value.response.status_code == 403
        assert b"MASKSTREAM_ALLOWED_HOSTS" in refused.value.response.body


async def test_with_keys_set_only_their_holders_come_in():
    first, other = "the-first-of-two-keys", "the-other-of-two-keys"
    with running_server(api_keys=(first, other)) as live:
        for given in ("", "Bearer wrong", f"Basic {first}"):
            headers = {"Authorization": given} if given else {}
            with pytest.raises(InvalidStatus) as refused:
                async with raw_client(live.ws_url, additional_headers=headers):
                    pass
            assert refused.value.response.status_code == 401
        headers = {"Authorization": f"Bearer {other}"}
        async with raw_client(live.ws_url, additional_headers=headers) as client:
            await client.hello()


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


async def test_max_tracks_keeps_newcomers_out_and_a_metric_counts_them():
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
