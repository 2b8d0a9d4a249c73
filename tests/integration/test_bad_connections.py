"""Clients that break the rules of a connection: a named error, and its close code."""

import asyncio
import contextlib

import pytest
from websockets.exceptions import ConnectionClosed

from support.raw_client import frame_message, grey, jpeg, raw_client
from support.server import LiveServer, running_server

JPEG = jpeg(grey())


@pytest.fixture(scope="module")
def small_server():
    with running_server(max_frame_bytes=65536, max_frame_pixels=100_000, slow_reader_s=1.0) as live:
        yield live


@pytest.mark.parametrize(
    "first",
    [
        frame_message(1, JPEG),
        "hello?",
        '{"type": "ping"}',
        '{"type": "semaphore"}',
        '{"type": "hello", "policy": "whatever"}',
        '{"type": "hello", "mask_scale": 3}',
        '{"type": "hello", "resume": "token"}',
    ],
)
async def test_a_first_message_that_is_no_hello_ends_the_connection(
    small_server: LiveServer, first: str | bytes
):
    async with raw_client(small_server.ws_url) as client:
        await client.socket.send(first)
        assert await client.end() == 4400
        assert client.error_codes == ["bad_hello"]
        assert client.of("error")[0]["fatal"]


async def test_no_hello_in_time_ends_the_connection():
    with running_server(hello_timeout_s=0.2) as live:
        async with raw_client(live.ws_url) as client:
            assert await client.end() == 4400
            assert client.error_codes == ["bad_hello"]


async def test_an_unknown_model_is_reported(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.say(type="hello", model="sam99")
        assert await client.end() == 4404
        assert client.error_codes == ["model_unknown"]


async def test_codecs_that_the_server_does_not_know_are_reported(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.say(type="hello", codecs=["h266", "mpeg1"])
        assert await client.end() == 4415
        assert client.error_codes == ["codec_unsupported"]


async def test_a_message_over_twice_the_limit_ends_the_connection(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.hello()
        await client.send(bytes(140_000))
        assert await client.end() == 4413
        assert client.error_codes == ["frame_too_large"]


async def test_a_message_beyond_all_bounds_is_cut_off_by_the_transport(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.hello()
        with contextlib.suppress(ConnectionClosed):
            await client.send(bytes(300_000))
        assert await client.end() == 4413
        assert client.error_codes == ["frame_too_large"]


async def test_sending_beyond_the_credit_is_reported_once_and_then_ends_the_connection():
    from support.server import FakeModel

    with running_server(FakeModel(step_s=0.5), credit_frames=2) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            for sequence in (1, 2, 3, 3):
                await client.socket.send(frame_message(sequence, JPEG))
            assert await client.end() == 4429
            assert client.error_codes == ["credit_exceeded", "credit_exceeded"]


async def test_a_client_that_does_not_read_is_closed_and_can_resume(small_server: LiveServer):
    async with raw_client(small_server.ws_url, max_queue=1) as client:
        welcome = await client.hello()
        await client.answer(grey())
        # Nobody reads now, and the answers are longer than any buffer on the way.
        text = '{"type":"ping","id":"' + "x" * 60_000 + '"}'
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            async with asyncio.timeout(3):
                while True:
                    await client.socket.send(text)
        assert await asyncio.wait_for(client.end(), 60) == 4408
    async with raw_client(small_server.ws_url) as again:
        resume = {"token": welcome["resume_token"], "last_sequence": 1}
        assert (await again.hello(resume=resume))["resumed"]


async def test_a_client_without_a_sign_of_life_is_closed_with_4408():
    with running_server(heartbeat_s=0.2, idle_s=0.6) as live:
        async with raw_client(live.ws_url, ping_interval=None) as client:
            await client.hello()
            # A client whose library answers pings is alive, however silent.
            await asyncio.sleep(1.0)
            await client.answer(grey())
            # So is one that sends, though its pongs are slow to come.
            client.socket.transport.pause_reading()
            for number in range(6):
                await client.say(type="ping", id=number)
                await asyncio.sleep(0.2)
            client.socket.transport.resume_reading()
            for number in range(6):
                assert (await client.get("pong"))["id"] == number
            client.socket.transport.pause_reading()
            await asyncio.sleep(1.4)
            client.socket.transport.resume_reading()
            assert await client.end() == 4408
