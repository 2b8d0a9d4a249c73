"""The client's core and the server's, joined by a wire that fails at any point of any stream."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from maskstream_client import events
from support.examples import examples
from support.simulated_server import TTL_S, done, identity_after, is_broken, payload_of
from support.simulated_stream import SimulatedStream, Wire

MAX_FRAMES = 40
LARGE = 1 << 20


class JoinedCores(RuleBasedStateMachine):
    """Every frame has one outcome, whatever happens to connections, servers and the store."""

    policy = "lossless"

    @initialize(max_kept_bytes=st.sampled_from([LARGE, LARGE, 400]))
    def begin(self, max_kept_bytes: int) -> None:
        self.max_kept_bytes = max_kept_bytes
        self.stream = SimulatedStream(self.policy, max_kept_bytes)
        self.stream.connect()

    # What the application does.

    @precondition(lambda self: self.stream.num_pushed < MAX_FRAMES)
    @rule(count=st.integers(1, 4))
    def push(self, count: int) -> None:
        for _ in range(count):
            self.stream.push()
        self.stream.send()

    @precondition(lambda self: self.stream.num_flushes < 10)
    @rule()
    def flush(self) -> None:
        self.stream.flush()
        self.stream.send()

    @rule()
    def reset(self) -> None:
        self.stream.reset()
        self.stream.send()

    # What the wire does.

    @precondition(lambda self: any(wire.to_server for wire in self.stream.wires))
    @rule(data=st.data(), count=st.integers(1, 6))
    def messages_arrive(self, data: st.DataObject, count: int) -> None:
        wire = self._one_of(data, [each for each in self.stream.wires if each.to_server])
        for _ in range(min(count, len(wire.to_server))):
            self.stream.arrive(wire)

    @precondition(lambda self: self.stream.wire and self.stream.wire.server.to_client)
    @rule(count=st.integers(1, 6))
    def answers_arrive(self, count: int) -> None:
        for _ in range(count):
            if self.stream.wire and self.stream.wire.server.to_client:
                self.stream.answer()

    @precondition(lambda self: self.stream.wire)
    @rule()
    def the_client_loses_its_connection(self) -> None:
        self.stream.cut()

    @precondition(lambda self: self.stream.wire is None)
    @rule()
    def the_client_comes_back(self) -> None:
        self.stream.connect()

    # What servers do.

    @precondition(lambda self: self._ends(lambda wire: wire.server.work))
    @rule(data=st.data(), picks=st.lists(st.integers(0, 7), min_size=1, max_size=6))
    def work_is_done(self, data: st.DataObject, picks: list[int]) -> None:
        server = self._one_of(data, self._ends(lambda wire: wire.server.work)).server
        for pick in picks:
            if server.work:
                server.do(pick)

    @precondition(lambda self: self._ends(lambda wire: wire.server.saves))
    @rule(data=st.data())
    def the_store_is_written(self, data: st.DataObject) -> None:
        self._one_of(data, self._ends(lambda wire: wire.server.saves)).server.save()

    @precondition(lambda self: self._ends(lambda wire: not wire.is_open))
    @rule(data=st.data())
    def a_server_learns_of_an_end(self, data: st.DataObject) -> None:
        self.stream.end(self._one_of(data, self._ends(lambda wire: not wire.is_open)))

    @precondition(lambda self: self._ends(lambda wire: True))
    @rule(data=st.data())
    def a_server_dies(self, data: st.DataObject) -> None:
        self.stream.kill(self._one_of(data, self._ends(lambda wire: True)))

    @precondition(lambda self: self.stream.wire)
    @rule(event=st.sampled_from(["going_away", "store_away", "store_back"]))
    def a_server_reports(self, event: str) -> None:
        self.stream.wire.server.report(event, *((500, "stop") if event == "going_away" else ()))

    @precondition(lambda self: not self._ends(lambda wire: True))
    @rule()
    def the_memory_expires(self) -> None:
        self.stream.cluster.clock.advance(TTL_S + 1)

    # What must hold.

    def teardown(self) -> None:
        if not hasattr(self, "stream"):
            return
        stream = self.stream
        stream.finish()
        indices = [each.index for each in stream.outcomes]
        assert sorted(indices) == list(range(stream.num_pushed)), "one outcome for each frame"
        answered = [each for each in stream.outcomes if each.identity is not None]
        assert [each.index for each in answered] == sorted(each.index for each in answered)
        assert stream.client.num_in_flight == 0
        done = [each.id for each in stream.came if isinstance(each, events.FlushDone)]
        assert done == list(range(1, stream.num_flushes + 1)), "one end for each flush, in order"
        assert stream.wire.credit == stream.cluster.terms.credit.frames, "all credit is back"
        assert all(set(wire.server.refused) <= self.allowed() for wire in stream.wires)
        self.check_identities()
        self.end_with_bye()

    def allowed(self) -> set[str]:
        """What a server may refuse to a client that keeps to the rules."""
        return {"frame_undecodable", "stale_epoch", "store_away", "taken_over"}

    def check_identities(self) -> None:
        """Identities are those of a run that nothing has interrupted."""
        memory: dict[tuple[str, int], int] = {}
        for each in self.stream.outcomes:
            if each.identity is not None:
                expected = identity_after(payload_of(each.index), memory.get(each.memory))
                assert each.identity == expected, each
                memory[each.memory] = each.identity
        dropped = {each.index for each in self.stream.outcomes if each.identity is None}
        if self.max_kept_bytes == LARGE and not self._expired():
            assert dropped == {
                index for index in range(self.stream.num_pushed) if is_broken(payload_of(index))
            }

    def end_with_bye(self) -> None:
        """`bye` leaves nothing behind."""
        self.stream.end_with_bye()
        assert self.stream.wire is None
        assert self.stream.closed_with == 1000
        left = done(self.stream.cluster.store.listing(100))
        assert self.stream.client.name not in [each.session for each in left]

    def _expired(self) -> bool:
        return len({each.memory[0] for each in self.stream.outcomes}) > 1

    def _ends(self, wanted) -> list[Wire]:
        ends = self.stream.cluster.ends
        return [wire for wire in self.stream.wires if wire.server in ends and wanted(wire)]

    @staticmethod
    def _one_of(data: st.DataObject, wires: list[Wire]) -> Wire:
        return wires[data.draw(st.integers(0, len(wires) - 1), "which")]


class LatestCores(JoinedCores):
    """The same of a stream that wants the newest frame only."""

    policy = "latest"

    def check_identities(self) -> None:
        """Frames are not sent again, so that a memory may go back before what was answered."""


TestJoinedCores = JoinedCores.TestCase
TestLatestCores = LatestCores.TestCase
TestJoinedCores.settings = TestLatestCores.settings = examples(100)
