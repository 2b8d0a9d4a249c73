import pytest

from maskstream_protocol.errors import ServerFullError, TakenOverError
from maskstream_server.stores.interface import Lease
from maskstream_server.streaming.lobby import Lobby


class Guest:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def taken_over(self) -> None:
        self.heard.append("taken over")

    def going_away(self, in_ms: int) -> None:
        self.heard.append(f"going away in {in_ms}")

    def restart(self) -> None:
        self.heard.append("restart")


def lease(session: str, fence: int = 1) -> Lease:
    return Lease(session, "server", fence)


@pytest.fixture
def counts() -> list[int]:
    return []


@pytest.fixture
def lobby(counts) -> Lobby:
    return Lobby(2, counts.append)


def test_slots_are_counted_and_freed(lobby, counts):
    one = Guest()
    lobby.enter(lease("a"), one)
    lobby.enter(lease("b"), Guest())
    with pytest.raises(ServerFullError) as full:
        lobby.enter(lease("c"), Guest())
    assert full.value.retry_after_ms > 0
    lobby.leave("a", one)
    lobby.enter(lease("c"), Guest())
    assert counts == [1, 2, 1, 2]


def test_who_comes_back_uses_the_old_slot_and_the_older_connection_leaves(lobby):
    older, newer = Guest(), Guest()
    lobby.enter(lease("a"), older)
    lobby.enter(lease("b"), Guest())
    lobby.check_room("a")
    lobby.enter(lease("a", 2), newer)
    lobby.leave("a", older)
    assert (older.heard, newer.heard) == (["taken over"], [])
    with pytest.raises(ServerFullError):
        lobby.check_room("c")


def test_a_session_lost_to_another_server_leaves(lobby):
    guest = Guest()
    lobby.enter(lease("a"), guest)
    lobby.evict(lease("a"))
    lobby.evict(lease("unknown"))
    assert guest.heard == ["taken over"]


def test_late_news_of_an_older_lease_sends_nobody_away(lobby):
    guest = Guest()
    lobby.enter(lease("a", 2), guest)
    lobby.evict(lease("a", 1))
    assert guest.heard == []


def test_of_two_that_come_back_at_once_the_newer_takeover_stays(lobby):
    older, newer = Guest(), Guest()
    lobby.enter(lease("a", 3), newer)
    with pytest.raises(TakenOverError):
        lobby.enter(lease("a", 2), older)
    assert newer.heard == []


async def test_draining_lets_nobody_in_and_sends_away_who_stays(lobby):
    guest = Guest()
    lobby.enter(lease("a"), guest)
    await lobby.drain(0.01)
    assert guest.heard == ["going away in 10", "restart"]
    with pytest.raises(ServerFullError):
        lobby.check_room("a")


async def test_draining_an_empty_lobby_is_done_at_once(lobby):
    await lobby.drain(1000)
