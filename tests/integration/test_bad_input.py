"""Bad input over a real socket: the named error, the session lives on, others notice nothing."""

import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

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


async def unknown_codec(client: RawClient) -> None:
    await client.send(b"\0\0\0\1", codec=99)


async def unit_that_builds_on_nothing(client: RawClient) -> None:
    await client.send(b"\0\0\0\1", codec=4)


async def broken_unit(client: RawClient) -> None:
    await client.send(os.urandom(500), codec=4, flags=2)


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
    (unknown_codec, "codec_unsupported", "undecodable"),
    (unit_that_builds_on_nothing, "need_keyframe", "undecodable"),
    (broken_unit, "frame_undecodable", "undecodable"),
    (poison, "internal", "internal"),
]


@pytest.fixture(scope="module")
def small_server():
    with running_server(max_frame_bytes=65536, max_frame_pixels=100_000, slow_reader_s=1.0) as live:
        yield live


@contextlib.asynccontextmanager
async def a_neighbour(live: LiveServer):
    """Another session, which must continue undisturbed."""
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
