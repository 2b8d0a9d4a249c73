"""Who may open a stream, and how many at a time."""

import asyncio
import threading

import pytest
from websockets.exceptions import InvalidStatus

from maskstream_protocol import STREAM_PATH
from support.raw_client import grey, raw_client
from support.server import FakeModel, LiveServer, running_server


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


async def test_idle_sessions_give_their_slots_to_new_tracks_and_can_be_resumed():
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
