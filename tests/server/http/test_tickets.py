import itertools

import pytest

from maskstream_protocol.errors import RateLimitedError, UnauthorizedError
from maskstream_server.http.problems import error_response
from maskstream_server.http.tickets import BURST, PER_S, Tickets, offered_ticket
from maskstream_server.stores.memory import MemoryStore
from support.stores import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tickets(clock: Clock) -> Tickets:
    numbers = itertools.count()
    return Tickets(MemoryStore(clock=clock), lambda n: next(numbers).to_bytes(n, "big"), clock)


async def test_a_ticket_gives_its_caller_once(tickets):
    first, second = await tickets.issue("one"), await tickets.issue("two")
    assert await tickets.redeem(second, ["one", "two"]) == "two"
    assert await tickets.redeem(first, ["one", "two"]) == "one"
    with pytest.raises(UnauthorizedError, match=r"used or expired.*POST /v1/tickets"):
        await tickets.redeem(first, ["one", "two"])


async def test_an_expired_ticket_opens_nothing(tickets, clock):
    ticket = await tickets.issue("one")
    clock.advance(30.1)
    with pytest.raises(UnauthorizedError, match="expired"):
        await tickets.redeem(ticket, ["one"])


async def test_the_ticket_of_a_key_that_was_removed_opens_nothing_and_is_used_up(tickets):
    ticket = await tickets.issue("one")
    with pytest.raises(UnauthorizedError, match="not valid here any more"):
        await tickets.redeem(ticket, ["two"])
    with pytest.raises(UnauthorizedError, match="unknown"):
        await tickets.redeem(ticket, ["one"])


@pytest.mark.parametrize("made_up", ["", "x", "0" * 100_000, "ä{}*", "ms:{a}:s"])
async def test_any_text_is_an_unknown_ticket(tickets, made_up):
    with pytest.raises(UnauthorizedError):
        await tickets.redeem(made_up, [""])


async def test_a_key_asks_for_so_many_tickets_and_other_keys_are_not_held_up(tickets, clock):
    for _ in range(int(BURST)):
        await tickets.issue("one")
    with pytest.raises(RateLimitedError) as refused:
        await tickets.issue("one")
    answer = error_response(refused.value)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert await tickets.issue("two")
    clock.advance(1.0)
    for _ in range(int(PER_S)):
        await tickets.issue("one")
    with pytest.raises(RateLimitedError):
        await tickets.issue("one")


def test_the_ticket_is_found_beside_other_subprotocols():
    assert offered_ticket(["maskstream.v1", "maskstream.ticket.abc"]) == "abc"
    assert offered_ticket(["maskstream.ticket.", "maskstream.v1"]) == ""
    assert offered_ticket(["maskstream.v1", "ticket.abc"]) is None
