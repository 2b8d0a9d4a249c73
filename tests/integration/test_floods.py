"""Clients that send what nobody needs: bounded memory, and others are answered meanwhile."""

import asyncio
import contextlib
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from maskstream_protocol import STREAM_PATH
from support.raw_client import RawClient, frame_message, grey, jpeg, raw_client
from support.raw_socket import (
    BINARY,
    CONTINUATION,
    PING,
    TEXT,
    close_code,
    read_all,
    upgraded,
    ws_frame,
)
from support.server import running_server
from support.server_process import ServerProcess, server_process

MIB = 1 << 20
SOME_MIB = 60
"""What memory may grow by: far less than what is sent."""
HELLO = ws_frame(TEXT, b'{"type": "hello"}')


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with server_process({"heartbeat_s": 0.5, "idle_s": 2.0}) as server:
        yield server


def memory_mib(server: ServerProcess) -> float:
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def beside_a_neighbour(server: ServerProcess, flood: Callable[[], None]) -> float:
    """Flood while another client is answered; returns how much memory the server took."""
    async with raw_client(server.url.replace("http", "ws") + STREAM_PATH) as neighbour:
        await neighbour.hello()
        await neighbour.answer(grey())
        before = most = memory_mib(server)
        flooding = asyncio.create_task(asyncio.to_thread(flood))
        while not flooding.done():
            await neighbour.answer(grey())
            most = max(most, memory_mib(server))
        await flooding
        await neighbour.answer(grey())
        assert neighbour.error_codes == []
        return most - before


async def test_a_message_of_empty_fragments_ends_the_connection(server: ServerProcess):
    def flood() -> None:
        with upgraded(server.url) as link:
            link.sendall(HELLO + ws_frame(BINARY, b"\x01", fin=False))
            with contextlib.suppress(ConnectionError):
                link.sendall(ws_frame(CONTINUATION, fin=False) * MIB)
            assert close_code(read_all(link)) in (4422, None)  # None: reset before it was read

    assert await beside_a_neighbour(server, flood) < SOME_MIB


@pytest.mark.slow
async def test_a_client_that_pings_and_reads_no_pongs_is_cut_off(server: ServerProcess):
    def flood() -> None:
        with upgraded(server.url) as link:
            link.sendall(HELLO)
            with pytest.raises(ConnectionError):
                link.sendall(ws_frame(PING, bytes(125)) * (56 * MIB // 131))

    assert await beside_a_neighbour(server, flood) < SOME_MIB


async def test_before_the_hello_nobody_makes_the_server_hold_much(server: ServerProcess):
    def flood() -> None:
        with contextlib.ExitStack() as links:
            for number in range(40):
                link = links.enter_context(upgraded(server.url))
                fin = number % 2 == 0
                with contextlib.suppress(ConnectionError):
                    size = 60 * MIB if fin else 60_000
                    link.sendall(ws_frame(BINARY, bytes(60_000), fin, size))
                    for _ in range(64):
                        piece = bytes(65536)
                        link.sendall(piece if fin else ws_frame(CONTINUATION, piece, fin=False))

    assert await beside_a_neighbour(server, flood) < SOME_MIB


async def test_frames_that_come_too_fast_are_read_later(server: ServerProcess):
    def flood() -> tuple[int, float]:
        with upgraded(server.url) as link:
            link.sendall(HELLO)
            assert b"welcome" in link.recv(65536)
            began_s = time.monotonic()
            link.sendall(ws_frame(PING, b"pingpong") * 3600 + ws_frame(8, b"\x03\xe8"))
            return read_all(link).count(b"\x8a\x08pingpong"), time.monotonic() - began_s

    pongs, took_s = await asyncio.to_thread(flood)
    assert pongs == 3600
    assert took_s > 1.5  # 1000 a second, as many at once, and what one look at the bytes sees


async def test_control_messages_that_come_too_fast_get_one_error_and_then_end_the_connection():
    with running_server(max_messages_per_s=5) as live:
        async with raw_client(live.ws_url) as client:
            await client.hello()
            for _ in range(10 + 100):
                await client.say(type="ping", id=1)
            assert await client.end() == 4429
            assert client.error_codes == 2 * ["rate_limited"]


async def test_a_frame_in_fragments_of_some_size_is_answered(server: ServerProcess):
    async with raw_client(server.url.replace("http", "ws") + STREAM_PATH) as client:
        await client.hello()
        message = frame_message(1, jpeg(grey(height=400, width=600)))
        await client.socket.send([message[at : at + 100] for at in range(0, len(message), 100)])
        assert (await client.result()).sequence == 1


async def test_one_who_says_no_hello_makes_room_for_those_who_do():
    with running_server(max_before_hello=2) as live:
        async with contextlib.AsyncExitStack() as ends:
            silent: list[RawClient] = [
                await ends.enter_async_context(raw_client(live.ws_url)) for _ in range(2)
            ]
            async with raw_client(live.ws_url) as client:
                await client.hello()
                await client.answer(grey())
            assert await silent[0].end() == 1013
            (error,) = silent[0].of("error")
            assert (error["code"], error["fatal"], error["retry"]) == ("server_full", True, True)
            await silent[1].hello()


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"max_connections_per_address": 2}, 429, "quota"),
        ({"max_connections": 2}, 503, "server_full"),
    ],
)
def test_connections_beyond_their_number_are_refused_in_a_sentence(limits, status, code):
    with running_server(**limits) as live:
        with upgraded(live.url), upgraded(live.url):
            with pytest.raises(ConnectionRefusedError, match=str(status)) as refused:
                upgraded(live.url)
            assert json.loads(str(refused.value).partition("\r\n\r\n")[2])["code"] == code
            with pytest.raises(urllib.error.HTTPError) as answer:
                live.get("/healthz")
            with answer.value as error:
                problem = json.loads(error.read())
            assert (error.code, problem["code"], problem["detail"][-1]) == (status, code, ".")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.HTTPError):
                assert live.get("/healthz")
                return
        pytest.fail("the places do not come back")


def test_an_upgrade_with_too_many_headers_is_answered():
    with running_server() as live:
        headers = "".join(f"X-{number}: 1\r\n" for number in range(200))
        with pytest.raises(ConnectionRefusedError, match=" 431 "):
            upgraded(live.url, f"{STREAM_PATH} HTTP/1.1\r\n{headers}X-Rest:")
