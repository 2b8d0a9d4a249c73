"""What would hang in a test fails instead."""

import asyncio
import threading
from contextlib import suppress

import pytest

from support.limits import no_longer_than
from support.raw_client import RawClient

SOON_S = 0.05


def loop() -> None:
    while True:
        pass


def loop_that_passes_over_the_first_failure() -> None:
    with suppress(BaseException):
        loop()
    loop()


def wait_for_an_event() -> None:
    asyncio.run(asyncio.Event().wait())


def wait_for_many_events() -> None:
    async def busy() -> None:
        while True:
            await asyncio.sleep(0)

    async def both() -> None:
        await asyncio.gather(busy(), busy())

    asyncio.run(both())


def join_a_thread() -> None:
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    thread.join()


@pytest.mark.parametrize(
    "hang",
    [
        loop,
        loop_that_passes_over_the_first_failure,
        wait_for_an_event,
        wait_for_many_events,
        join_a_thread,
    ],
)
def test_whatever_hangs_is_ended(hang):
    with pytest.raises(pytest.fail.Exception, match=r"within 0\.05 s"), no_longer_than(SOON_S):
        hang()


def test_what_ends_in_time_is_left_alone():
    with no_longer_than(SOON_S):
        pass
    threading.Event().wait(2 * SOON_S)


async def test_a_client_waits_for_no_endless_stream_of_other_messages(monkeypatch):
    class Chatty:
        async def recv(self) -> str:
            await asyncio.sleep(0)
            return '{"type": "credit"}'

    monkeypatch.setattr("support.raw_client.LIMIT_S", SOON_S)
    client = RawClient(Chatty())
    for endless in (client.get("welcome"), client.result(), client.end()):
        with pytest.raises(AssertionError, match=r"within 0\.05 s"):
            await endless
