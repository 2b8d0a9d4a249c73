"""A stream to which anything happens at any point, and what holds for all of them."""

from hypothesis import strategies as st

from maskstream_client import events
from maskstream_client.session import ClientSession
from support.simulated_server import TTL_S, done, identity_after, is_broken, payload_of
from support.simulated_stream import MakeClient, SimulatedStream, Wire

MAX_FRAMES = 60
LARGE, SMALL = 1 << 20, 400
REFUSALS = {"frame_undecodable", "stale_epoch", "store_away", "taken_over"}
"""What a server may refuse to a client that keeps to the rules."""

# What happens next, weighted, and how often or to which of several.
WEIGHTS = {
    "push": 4,
    "arrive": 4,
    "work": 5,
    "save": 3,
    "answer": 3,
    "all": 2,
    "cut": 1,
    "come_back": 2,
    "old_connection": 2,
    "learn": 1,
    "kill": 1,
    "store_away": 1,
    "store_back": 1,
    "go_away": 1,
    "flush": 1,
    "reset": 1,
    "expire": 1,
}
WORDS = [word for word, weight in WEIGHTS.items() for _ in range(weight)]
MOVES = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 9)), min_size=60, max_size=140)


class World:
    """A stream to which things happen; what cannot happen now does not."""

    def __init__(
        self, policy: str, max_kept_bytes: int, make_client: MakeClient = ClientSession
    ) -> None:
        self.stream = SimulatedStream(policy, max_kept_bytes, make_client)
        self.stream.connect()
        self.num_resets = 0

    def happen(self, word: str, number: int) -> None:
        stream = self.stream
        match word:
            case "push":
                for _ in range(min(1 + number % 4, MAX_FRAMES - stream.num_pushed)):
                    stream.push()
            case "flush" if stream.num_flushes < 9:
                stream.flush()
            case "reset" if self.num_resets < 9:
                self.num_resets += 1
                stream.reset()
            case "come_back" if stream.wire is None:
                stream.connect()
            case "expire" if number == 0 and not stream.cluster.ends:
                stream.cluster.clock.advance(TTL_S + 1)
            case "old_connection":
                self.move_on(stream.wires[number % len(stream.wires)], number)
            case "learn" if ends := [each for each in self.ends() if not each.is_open]:
                stream.end(ends[number % len(ends)])
            case "kill" if ends := self.ends():
                stream.kill(ends[number % len(ends)])
        if stream.wire is not None:
            self.happen_now(stream.wire, word, number)
        stream.send()

    def happen_now(self, wire: Wire, word: str, number: int) -> None:
        """What happens on the connection that the client holds."""
        match word:
            case "arrive" | "work" | "save" | "answer":
                self.do(wire, word, number)
            case "all":
                for each in ("arrive", *(["work"] * 9), "save"):
                    self.do(wire, each, 9)
            case "cut":
                self.stream.cut()
            case "store_away" | "store_back":
                wire.server.report(word)
            case "go_away" if number == 0:
                wire.server.report("going_away", 500, "stop")

    def do(self, wire: Wire, word: str, number: int) -> None:
        server = wire.server
        for _ in range(1 + number):
            if word == "arrive" and wire.to_server:
                self.stream.arrive(wire)
            elif word == "work" and server.work:
                server.do(number)
            elif word == "save" and server.saves:
                server.save()
            elif word == "answer" and wire.is_open and server.to_client:
                self.stream.answer()

    def move_on(self, wire: Wire, number: int) -> None:
        """A server that may not know yet that its client is gone."""
        if wire.server in self.stream.cluster.ends:
            for word in ("arrive", "work", "save")[: 1 + number % 3]:
                self.do(wire, word, number)

    def ends(self) -> list[Wire]:
        living = self.stream.cluster.ends
        return [wire for wire in self.stream.wires if wire.server in living]

    def finish(self) -> None:
        """Let all come to its end, and check what holds for any stream."""
        stream = self.stream
        stream.finish()
        indices = [each.index for each in stream.outcomes]
        assert sorted(indices) == list(range(stream.num_pushed)), "one outcome for each frame"
        answered = [each.index for each in stream.outcomes if each.identity is not None]
        assert answered == sorted(answered), "answers are in order"
        assert stream.client.num_in_flight == 0
        flushes = [each.id for each in stream.came if isinstance(each, events.FlushDone)]
        assert flushes == list(range(1, stream.num_flushes + 1)), "one end for each flush"
        assert stream.wire is not None
        assert stream.wire.credit == stream.cluster.terms.credit.frames, "all credit is back"
        assert all(set(wire.server.refused) <= REFUSALS for wire in stream.wires)

    def check_identities(self) -> None:
        """Identities are those of a run that nothing has interrupted."""
        memory: dict[tuple[str, int], int] = {}
        for each in self.stream.outcomes:
            if each.identity is not None:
                expected = identity_after(payload_of(each.index), memory.get(each.memory))
                assert each.identity == expected, each
                memory[each.memory] = each.identity

    def check_drops(self) -> None:
        """Only what cannot be decoded has no result."""
        dropped = {each.index for each in self.stream.outcomes if each.identity is None}
        frames = range(self.stream.num_pushed)
        assert dropped == {index for index in frames if is_broken(payload_of(index))}

    def check_bye(self) -> None:
        """It ends the connection, and leaves nothing behind."""
        self.stream.end_with_bye()
        assert (self.stream.wire, self.stream.closed_with) == (None, 1000)
        left = done(self.stream.cluster.store.listing(100))
        assert self.stream.client.name not in [each.session for each in left]
