"""Tickets open WebSockets of clients that can send no key, on any server of the store."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from maskstream_server.telemetry.log import set_up_logging
from support.logs import logging_as_before
from support.raw_client import grey, raw_client
from support.redis_server import RedisServer
from support.server import LiveServer, running_server

__all__ = ["logging_as_before"]

KEY, OTHER = "a-key-for-testing", "another-key-for-testing"
BEARER = {"Authorization": f"Bearer {KEY}"}


def ticket_of(live: LiveServer, headers: dict[str, str] = BEARER) -> str:
    answer = httpx.post(f"{live.url}/v1/tickets", headers=headers)
    assert answer.status_code == 201
    assert answer.json()["expires_in_s"] == 30
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()["ticket"]


def offering(ticket: str) -> list[str]:
    return ["maskstream.v1", f"maskstream.ticket.{ticket}"]


async def refused(url: str, ticket: str) -> str:
    """Offer a ticket that opens nothing; return the sentence."""
    with pytest.raises(InvalidStatus) as caught:
        async with raw_client(url, subprotocols=offering(ticket)):
            pass
    response = caught.value.response
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/problem+json"
    assert b'"unauthorized"' in response.body
    return response.body.decode()


@pytest.fixture(params=["memory", "redis"])
def server(request: pytest.FixtureRequest) -> Iterator[LiveServer]:
    redis = request.param == "redis" and request.getfixturevalue("shared_redis").url
    with running_server(store=redis or "memory", api_keys=KEY) as live:
        yield live


@contextmanager
def two_servers(redis: RedisServer, second_keys: str = KEY) -> Iterator[tuple]:
    with (
        running_server(store=redis.url, api_keys=f"{KEY},{OTHER}") as first,
        running_server(store=redis.url, api_keys=second_keys) as second,
    ):
        yield first, second


async def test_a_ticket_opens_one_stream_and_is_not_repeated(server: LiveServer):
    ticket = await asyncio.to_thread(ticket_of, server)
    async with raw_client(server.ws_url, subprotocols=offering(ticket)) as client:
        assert client.socket.subprotocol == "maskstream.v1"
        assert "tickets" in (await client.hello())["features"]
        assert (await client.answer(grey())).sequence == 1
    assert "unknown, used or expired" in await refused(server.ws_url, ticket)


async def test_a_viewer_comes_in_with_a_ticket_of_its_own(server: LiveServer):
    async with raw_client(server.ws_url, additional_headers=BEARER) as client:
        url = server.ws_url.replace("stream", f"sessions/{(await client.hello())['session']}/watch")
        ticket = await asyncio.to_thread(ticket_of, server)
        async with raw_client(url, subprotocols=offering(ticket)) as viewer:
            await viewer.get("watching")
            await client.answer(grey())
            assert (await viewer.result()).sequence == 1
        await refused(url, ticket)


@pytest.mark.parametrize("made_up", ["0" * 32, "x", "%7B%7D"])
async def test_a_ticket_that_was_never_issued_opens_nothing(server: LiveServer, made_up: str):
    await refused(server.ws_url, made_up)


def test_a_ticket_is_only_for_those_with_a_key(server: LiveServer):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.post(f"{server.url}/v1/tickets", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    foreign = {**BEARER, "Origin": "https://evil.example"}
    assert httpx.post(f"{server.url}/v1/tickets", headers=foreign).status_code == 403


async def test_the_page_of_a_foreign_origin_uses_no_ticket_up(server: LiveServer):
    ticket = await asyncio.to_thread(ticket_of, server)
    with pytest.raises(InvalidStatus) as caught:
        async with raw_client(
            server.ws_url, subprotocols=offering(ticket), origin="https://evil.example"
        ):
            pass
    assert caught.value.response.status_code == 403
    async with raw_client(server.ws_url, subprotocols=offering(ticket)) as client:
        await client.hello()


async def test_a_key_counts_before_a_ticket(server: LiveServer):
    ticket = await asyncio.to_thread(ticket_of, server)
    options = {"subprotocols": offering(ticket)}
    with pytest.raises(InvalidStatus):
        async with raw_client(
            server.ws_url, additional_headers={"Authorization": "Bearer no"}, **options
        ):
            pass
    async with raw_client(server.ws_url, additional_headers=BEARER, **options) as client:
        await client.hello()
    async with raw_client(server.ws_url, **options) as client:
        await client.hello()


async def test_without_keys_nobody_asks_for_a_ticket():
    with running_server() as live:
        ticket = await asyncio.to_thread(ticket_of, live, {})
        for _ in range(2):
            async with raw_client(live.ws_url, subprotocols=offering(ticket)) as client:
                await client.hello()


async def test_of_many_connections_with_one_ticket_at_two_servers_exactly_one_opens(shared_redis):
    with two_servers(shared_redis) as (first, second):
        ticket = await asyncio.to_thread(ticket_of, first)

        async def status(live: LiveServer) -> int:
            try:
                async with raw_client(live.ws_url, subprotocols=offering(ticket)) as client:
                    await client.hello()
                    return 101
            except InvalidStatus as error:
                return error.response.status_code

        tries = (status(live) for live in (first, second) * 6)
        assert sorted(await asyncio.gather(*tries)) == [101, *[401] * 11]


async def test_a_ticket_opens_a_connection_at_another_server_unless_its_key_was_removed(
    shared_redis,
):
    with two_servers(shared_redis) as (first, second):
        ticket = await asyncio.to_thread(ticket_of, first)
        async with raw_client(second.ws_url, subprotocols=offering(ticket)) as client:
            await client.hello()
        other = {"Authorization": f"Bearer {OTHER}"}
        ticket = await asyncio.to_thread(ticket_of, first, other)
        assert "not valid here any more" in await refused(second.ws_url, ticket)


async def test_while_the_store_is_away_that_is_what_is_reported(own_redis):
    with running_server(store=own_redis.url, api_keys=KEY) as live:
        own_redis.stop()
        answer = await asyncio.to_thread(httpx.post, f"{live.url}/v1/tickets", headers=BEARER)
        assert (answer.status_code, answer.json()["code"]) == (503, "store_away")
        with pytest.raises(InvalidStatus) as caught:
            async with raw_client(live.ws_url, subprotocols=offering("0" * 32)):
                pass
        assert caught.value.response.status_code == 503
        own_redis.start()


@pytest.mark.usefixtures("logging_as_before")
async def test_a_ticket_is_neither_logged_nor_stored(shared_redis, capsys):
    shared_redis.client().flushall()
    with running_server(store=shared_redis.url, api_keys=KEY) as live:
        set_up_logging("json", "debug")
        ticket = await asyncio.to_thread(ticket_of, live)
        with shared_redis.client() as client:
            kept = {key: client.get(key) for key in client.scan_iter("ms:*:t")}
        assert len(kept) == 1
        assert ticket.encode() not in b"".join([*kept, *kept.values()])
        async with raw_client(live.ws_url, subprotocols=offering(ticket)) as client:
            await client.hello()
        await refused(live.ws_url, ticket)
    logged = capsys.readouterr().err
    assert "session_opened" in logged
    assert ticket not in logged
