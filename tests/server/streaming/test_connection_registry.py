import pytest

from maskstream_protocol.errors import QuotaExceededError, ServerFullError, TakenOverError
from maskstream_server.stores.interface import Lease
from maskstream_server.streaming.connection_registry import ConnectionRegistry


class FakeConnection:
    def __init__(self, silent_s: float = 0.0, address: str = "10.0.0.1", caller: str = "") -> None:
        self.heard: list[str] = []
        self.silent_s, self.address, self.caller = silent_s, address, caller
        self.activity = object()

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
def registry(counts) -> ConnectionRegistry:
    return ConnectionRegistry(2, counts.append)


def test_slots_are_counted_and_freed(registry, counts):
    one = FakeConnection()
    registry.enter(lease("a"), one)
    registry.enter(lease("b"), FakeConnection())
    with pytest.raises(ServerFullError) as full:
        registry.enter(lease("c"), FakeConnection())
    assert full.value.retry_after_ms > 0
    registry.leave("a", one)
    registry.enter(lease("c"), FakeConnection())
    assert counts == [1, 2, 1, 2]


def test_who_comes_back_uses_the_old_slot_and_the_older_connection_leaves(registry):
    older, newer = FakeConnection(), FakeConnection()
    registry.enter(lease("a"), older)
    registry.enter(lease("b"), FakeConnection())
    registry.check_free("10.0.0.1", "a")
    registry.enter(lease("a", 2), newer)
    registry.leave("a", older)
    assert (older.heard, newer.heard) == (["taken over"], [])
    with pytest.raises(ServerFullError):
        registry.check_free("10.0.0.1", "c")


def test_a_connection_without_a_frame_for_long_gives_its_slot_to_who_needs_it(counts):
    registry = ConnectionRegistry(3, counts.append, idle_s=30.0)
    busy, idle, longest = (
        FakeConnection(29.9),
        FakeConnection(31.0),
        FakeConnection(40.0),
    )
    for name, connection in (("a", busy), ("b", idle), ("c", longest)):
        registry.enter(lease(name), connection)
    assert longest.heard == []
    registry.check_free("x")
    assert longest.heard == []
    registry.enter(lease("d"), FakeConnection())
    registry.enter(lease("e"), FakeConnection())
    assert [each.heard for each in (busy, idle, longest)] == [
        [],
        ["give way"],
        ["give way"],
    ]
    with pytest.raises(ServerFullError):
        registry.enter(lease("f"), FakeConnection())
    registry.leave("c", longest)
    assert counts[-1] == 3


def test_who_comes_back_to_its_slot_sends_no_idle_one_away(counts):
    registry, idle = ConnectionRegistry(2, counts.append, idle_s=30.0), FakeConnection(99.0)
    registry.enter(lease("a"), idle)
    registry.enter(lease("b"), FakeConnection())
    registry.enter(lease("b", 2), FakeConnection())
    assert idle.heard == []


def test_one_address_has_at_most_its_quota_of_sessions(counts):
    registry = ConnectionRegistry(9, counts.append, max_per_address=2)
    for name in "ab":
        registry.enter(lease(name), FakeConnection())
    with pytest.raises(QuotaExceededError):
        registry.enter(lease("c"), FakeConnection())
    registry.enter(lease("b", 2), FakeConnection())
    registry.enter(lease("c"), FakeConnection(address="10.0.0.2"))


def test_a_session_lost_to_another_server_leaves(registry):
    connection = FakeConnection()
    registry.enter(lease("a"), connection)
    registry.evict(lease("a"))
    registry.evict(lease("unknown"))
    assert connection.heard == ["taken over"]


def test_late_news_of_an_older_lease_closes_no_connection(registry):
    connection = FakeConnection()
    registry.enter(lease("a", 2), connection)
    registry.evict(lease("a", 1))
    assert connection.heard == []


def test_of_two_that_come_back_at_once_the_newer_takeover_stays(registry):
    older, newer = FakeConnection(), FakeConnection()
    registry.enter(lease("a", 3), newer)
    with pytest.raises(TakenOverError):
        registry.enter(lease("a", 2), older)
    assert newer.heard == []


async def test_draining_accepts_no_one_and_closes_what_stays_open(registry):
    connection = FakeConnection()
    registry.enter(lease("a"), connection)
    await registry.drain(0.01)
    assert connection.heard == ["going away in 10", "restart"]
    with pytest.raises(ServerFullError):
        registry.check_free("10.0.0.1", "a")


async def test_draining_an_empty_registry_is_done_at_once(registry):
    await registry.drain(1000)


def test_sessions_are_listed_with_what_they_do_to_their_caller(registry):
    first, second = FakeConnection(caller="one"), FakeConnection(caller="two")
    registry.enter(lease("a"), first)
    registry.enter(lease("b"), second)
    assert registry.of("one") == {"a": first.activity}
    registry.leave("a", first)
    assert (registry.of("one"), registry.of("two")) == ({}, {"b": second.activity})
