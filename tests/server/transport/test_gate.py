import pytest

from maskstream_protocol.errors import QuotaExceededError, ServerFullError
from maskstream_server.transport.gate import MAX_REFUSED, Entry, Gate, origin_of


class Visitor:
    def __init__(self, address: str) -> None:
        self.address = address
        self.turned_away = False

    def turn_away(self) -> None:
        self.turned_away = True


def entered(gate: Gate, address: str) -> Entry:
    entry = gate.enter(address)
    assert entry is not None
    return entry


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a name", "a name"),
        (None, ""),
    ],
)
def test_an_ipv6_client_counts_with_all_the_addresses_that_it_can_take(address, origin):
    assert origin_of(address) == origin


def test_connections_of_one_address_are_counted_apart_from_all():
    gate = Gate(max_connections=3, max_per_address=2, max_waiting=9)
    first = [entered(gate, "a"), entered(gate, "a")]
    assert isinstance(entered(gate, "a").refusal, QuotaExceededError)
    assert entered(gate, "b").refusal is None
    assert isinstance(entered(gate, "c").refusal, ServerFullError)
    gate.leave(first[0])
    assert entered(gate, "c").refusal is None
    assert gate.num_connections == 3


def test_who_was_refused_takes_no_place_of_others():
    gate = Gate(max_connections=4, max_per_address=1, max_waiting=9)
    entered(gate, "a")
    refused = [entered(gate, "a") for _ in range(MAX_REFUSED)]
    assert gate.enter("a") is None
    assert [entered(gate, each).refusal for each in "bcd"] == 3 * [None]
    gate.leave(refused[0])
    assert gate.enter("a") is not None
    assert gate.num_connections == 4


def test_a_further_one_before_its_hello_ends_the_oldest_of_the_busiest_address():
    gate = Gate(9, 9, max_waiting=3)
    visitors = [Visitor(address) for address in ("b", "a", "a", "c", "b")]
    for visitor in visitors[:4]:
        gate.wait(visitor)
    assert [visitor.turned_away for visitor in visitors] == [False, True, False, False, False]
    gate.waited(visitors[2])
    gate.wait(visitors[4])
    assert sum(visitor.turned_away for visitor in visitors) == 1
