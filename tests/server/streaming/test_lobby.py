import pytest

from maskstream_protocol.errors import QuotaExceededError, ServerFullError, TakenOverError
from maskstream_server.stores.interface import Lease
from maskstream_server.streaming.lobby import Lobby


class Guest:
    def __init__(self, silent_s: float = 0.0, address: str = "10.0.0.1") -> None:
        self.heard: list[str] = []
        self.silent_s, self.address = silent_s, address

    def give_way(self) -> None:
        self.heard.append("give way")

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
    lobby.check_room("10.0.0.1", "a")
    lobby.enter(lease("a", 2), newer)
    lobby.leave("a", older)
    assert (older.heard, newer.heard) == (["taken over"], [])
    with pytest.raises(ServerFullError):
        lobby.check_room("10.0.0.1", "c")


def test_a_guest_without_a_frame_for_long_gives_its_slot_to_who_needs_it(counts):
    lobby = Lobby(3, counts.append, idle_s=30.0)
    busy, idle, longest = Guest(29.9), Guest(31.0), Guest(40.0)
    for name, guest in (("a", busy), ("b", idle), ("c", longest)):
        lobby.enter(lease(name), guest)
    assert longest.heard == []
    lobby.check_room("x")
    assert longest.heard == []
    lobby.enter(lease("d"), Guest())
    lobby.enter(lease("e"), Guest())
    assert [guest.heard for guest in (busy, idle, longest)] == [[], ["give way"], ["give way"]]
    with pytest.raises(ServerFullError):
        lobby.enter(lease("f"), Guest())
    lobby.leave("c", longest)
    assert counts[-1] == 3


def test_who_comes_back_to_its_slot_sends_no_idle_one_away(counts):
    lobby, idle = Lobby(2, counts.append, idle_s=30.0), Guest(99.0)
    lobby.enter(lease("a"), idle)
    lobby.enter(lease("b"), Guest())
    lobby.enter(lease("b", 2), Guest())
    assert idle.heard == []


def test_one_address_has_at_most_its_quota_of_sessions(counts):
    lobby = Lobby(9, counts.append, max_per_address=2)
    for name in "ab":
        lobby.enter(lease(name), Guest())
    with pytest.raises(QuotaExceededError):
        lobby.enter(lease("c"), Guest())
    lobby.enter(lease("b", 2), Guest())
    lobby.enter(lease("c"), Guest(address="10.0.0.2"))


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
        lobby.check_room("10.0.0.1", "a")


async def test_draining_an_empty_lobby_is_done_at_once(lobby):
    await lobby.drain(1000)
