"""Bad input over a real socket: the named error, the session lives on, others notice nothing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from websockets.exceptions import ConnectionClosed

from support.pictures import scan_bomb
from support.raw_client import RawClient, frame_message, grey, jpeg, raw_client
from support.server import POISON, LiveServer, running_server

JPEG = jpeg(grey())
Deed = Callable[[RawClient], Awaitable[None]]


async def garbage_header(client: RawClient) -> None:
    await client.socket.send(b"\xde\xad\xbe\xef" * 16)


async def short_binary(client: RawClient) -> None:
    await client.socket.send(b"\x01\x01")


async def text_for_binary(client: RawClient) -> None:
    await client.socket.send("AQEgAAAAAAABAAAAAAAAAP")


async def wrong_sequence(client: RawClient) -> None:
    await client.socket.send(frame_message(99, JPEG))


async def wrong_epoch(client: RawClient) -> None:
    await client.socket.send(frame_message(client.next_sequence, JPEG, epoch=7))


async def broken_picture(client: RawClient) -> None:
    await client.send(JPEG[: len(JPEG) // 2])


async def picture_of_another_size(client: RawClient) -> None:
    await client.send(JPEG, width=65, height=36)


async def absurd_dimensions(client: RawClient) -> None:
    at = JPEG.index(b"\xff\xc0")
    await client.send(JPEG[: at + 5] + b"\xff\xdc\xff\xdc" + JPEG[at + 9 :])


async def too_much_work(client: RawClient) -> None:
    await client.send(scan_bomb(320, 300, 100))


async def rgb_of_wrong_size(client: RawClient) -> None:
    await client.send(bytes(100), codec=3, width=64, height=36)


async def orientation_beyond_exif(client: RawClient) -> None:
    await client.send(JPEG, orientation=9)


async def too_many_bytes(client: RawClient) -> None:
    await client.send(bytes(70_000))


async def packet_codec(client: RawClient) -> None:
    await client.send(b"\0\0\0\1", codec=4)


async def poison(client: RawClient) -> None:
    await client.send(grey(POISON))


IGNORED = [
    (garbage_header, "frame_header"),
    (short_binary, "frame_header"),
    (text_for_binary, "bad_message"),
    (wrong_sequence, "sequence_gap"),
    (wrong_epoch, "stale_epoch"),
]
DROPPED = [
    (broken_picture, "frame_undecodable", "undecodable"),
    (picture_of_another_size, "frame_undecodable", "undecodable"),
    (absurd_dimensions, "frame_too_large", "undecodable"),
    (too_much_work, "frame_undecodable", "undecodable"),
    (rgb_of_wrong_size, "frame_undecodable", "undecodable"),
    (orientation_beyond_exif, "frame_undecodable", "undecodable"),
    (too_many_bytes, "frame_too_large", "undecodable"),
    (packet_codec, "codec_unsupported", "undecodable"),
    (poison, "internal", "internal"),
]


@pytest.fixture(scope="module")
def small_server():
    with running_server(max_frame_bytes=65536, max_frame_pixels=100_000, slow_reader_s=1.0) as live:
        yield live


@contextlib.asynccontextmanager
async def a_neighbour(live: LiveServer):
    """Another session, which must go on undisturbed."""
    async with raw_client(live.ws_url) as other:
        await other.hello()
        await other.answer(grey())
        yield other
        last = await other.answer(grey())
        assert (last.sequence, last.tracks[0].age, other.error_codes) == (2, 2, [])


@pytest.mark.parametrize(("deed", "code"), IGNORED)
async def test_what_is_no_frame_is_ignored(small_server: LiveServer, deed: Deed, code: str):
    async with a_neighbour(small_server), raw_client(small_server.ws_url) as client:
        await client.hello()
        await client.answer(grey())
        await deed(client)
        result = await client.answer(grey())
        assert client.error_codes == [code]
        assert (result.sequence, result.dropped, result.tracks[0].age) == (2, 0, 2)
        assert client.of("drop") == []


@pytest.mark.parametrize(("deed", "code", "reason"), DROPPED)
async def test_a_frame_that_cannot_be_used_is_dropped(
    small_server: LiveServer, deed: Deed, code: str, reason: str
):
    async with a_neighbour(small_server), raw_client(small_server.ws_url) as client:
        await client.hello()
        await client.answer(grey())
        await deed(client)
        result = await client.answer(grey())
        (error,) = client.of("error")
        assert (error["code"], error["sequence"], error["fatal"]) == (code, 2, False)
        assert client.of("drop") == [{"type": "drop", "first": 2, "last": 2, "reason": reason}]
        assert (result.sequence, result.dropped, result.tracks[0].age) == (3, 1, 2)
        credit = sum(each["frames"] for each in client.of("credit"))
        await client.flush()
        credit = sum(each["frames"] for each in client.of("credit"))
        assert credit <= 3


@pytest.mark.parametrize("payload", [JPEG[:-2], b"\r\n" + JPEG, JPEG[:2] + b"\r\n" + JPEG[2:]])
async def test_a_jpeg_as_cameras_send_it_is_answered(small_server: LiveServer, payload: bytes):
    async with raw_client(small_server.ws_url) as client:
        await client.hello()
        assert (await client.answer(payload)).sequence == 1
        assert client.error_codes == []


async def test_a_decoder_that_hangs_costs_one_frame():
    with running_server(decode_s=3.0, decoders=1) as live:
        async with a_neighbour(live), raw_client(live.ws_url) as client:
            await client.hello()
            (worker,) = live.service.pictures.workers
            os.kill(worker.pid, signal.SIGSTOP)
            await client.send(grey())
            assert (await client.get("error"))["code"] == "frame_undecodable"
            assert (await client.answer(grey())).sequence == 2
        assert live.metric("maskstream_decoder_deaths_total", cause="deadline") == 1


async def test_an_internal_error_carries_no_detail(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.hello()
        await poison(client)
        error = await client.get("error")
        assert "chokes" not in error["message"]


@pytest.mark.parametrize(
    ("deed", "times", "code"),
    [
        (text_for_binary, 10, 4422),
        (garbage_header, 10, 4422),
        (poison, 3, 1011),
        (broken_picture, 10, 4422),
    ],
)
async def test_too_many_in_a_row_end_the_connection_but_not_the_session(
    small_server: LiveServer, deed: Deed, times: int, code: int
):
    async with raw_client(small_server.ws_url) as client:
        welcome = await client.hello()
        await client.answer(grey())
        for _ in range(times):
            await deed(client)
            await client.get("error")
        assert client.of("error")[-1]["fatal"]
        assert await client.end() == code
    async with raw_client(small_server.ws_url) as again:
        resume = {"token": welcome["resume_token"], "last_sequence": 1}
        assert (await again.hello(resume=resume))["resumed"]
        assert (await again.answer(grey())).tracks[0].age == 2


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


async def test_an_unknown_model_is_told(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.say(type="hello", model="sam99")
        assert await client.end() == 4404
        assert client.error_codes == ["model_unknown"]


async def test_codecs_that_the_server_does_not_know_are_told(small_server: LiveServer):
    async with raw_client(small_server.ws_url) as client:
        await client.say(type="hello", codecs=["h264", "mpeg1"])
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


async def test_sending_beyond_the_credit_is_told_once_and_then_ends_the_connection():
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
        assert await asyncio.wait_for(client.end(), 10) == 4408
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
