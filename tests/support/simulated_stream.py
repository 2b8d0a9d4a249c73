"""A client core and the servers of a cluster over a wire that a test cuts, delays and reorders.

A connection is two lines of messages: what was sent comes in order, as far as it comes. Once it is
cut, the client hears no more; the server may hear some more of what was under way, and learns of
the end whenever that comes, perhaps after the client has come back over another connection.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from maskstream_client import events
from maskstream_client.pictures import Picture
from maskstream_client.session import ClientSession
from maskstream_client.stream_options import StreamOptions
from maskstream_protocol.frames import FrameCodec
from maskstream_protocol.messages import Bye, Flush, Reset
from maskstream_protocol.notices import Credit, ErrorMessage, Welcome, parse_server_message
from maskstream_server.session.actions import Close
from support.simulated_server import Cluster, ServerEnd, payload_of

MAX_ROUNDS = 300
MakeClient = Callable[[StreamOptions, int], ClientSession]


@dataclass
class Wire:
    """One connection: what is under way to a server, and that server's side."""

    server: ServerEnd
    to_server: deque[str | bytes] = field(default_factory=deque)
    is_open: bool = True
    """For the client."""
    credit: int = 0
    """Frames that the client may still send when it has heard all; refused ones cost nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of a frame; `identity` is None where it was dropped."""

    index: int
    memory: tuple[str, int]
    """The session and epoch that its identity belongs to."""
    identity: int | None


class SimulatedStream:
    """A client's stream, and all connections it ever had; the newest is the last."""

    def __init__(self, policy: str, max_kept_bytes: int, make_client: MakeClient) -> None:
        self.cluster = Cluster(policy)
        options = StreamOptions(policy=policy, max_in_flight=4)
        self.client = make_client(options, max_kept_bytes)
        self.wires: list[Wire] = []
        self.outcomes: list[Outcome] = []
        self.came: list[events.Event] = []
        self.num_pushed = 0
        self.num_flushes = 0
        self.closed_with: int | None = None
        self._session = ""

    # The application.

    def push(self) -> None:
        picture = Picture(FrameCodec.RGB24, payload_of(self.num_pushed), 4, 6)
        assert self.client.push(picture) == self.num_pushed
        self.num_pushed += 1

    def flush(self) -> None:
        self.num_flushes += 1
        self.client.request(Flush(self.num_flushes))

    def reset(self) -> None:
        self.client.request(Reset())

    # The wire.

    @property
    def wire(self) -> Wire | None:
        """The connection that the client holds."""
        return self.wires[-1] if self.wires and self.wires[-1].is_open else None

    def connect(self) -> None:
        """Open one; its hello arrives at once: later ones must not overtake it."""
        self.wires.append(Wire(self.cluster.open()))
        self.client.connection_opened()
        self.send()
        self.arrive(self.wires[-1])

    def send(self) -> None:
        """Put on the wire what the client has to say."""
        wire = self.wire
        for message in self.client.outgoing() if wire else ():
            if isinstance(message, bytes):
                wire.credit -= 1
            wire.to_server.append(message)

    def arrive(self, wire: Wire) -> None:
        """Let the oldest message that is under way to a server arrive."""
        wire.server.receive(wire.to_server.popleft())

    def answer(self) -> None:
        """Let the oldest message that is under way to the client arrive."""
        wire = self.wires[-1]
        message = wire.server.to_client.popleft()
        if isinstance(message, Close):
            self.closed_with = message.code
            self.end(wire)
            self.cut()
            return
        if isinstance(message, str):
            match parse_server_message(message):
                case Welcome(session=session, credit=credit):
                    self._session, wire.credit = session, credit.frames
                case Credit(frames=frames):
                    wire.credit += frames
                case ErrorMessage(code="stale_epoch"):
                    wire.credit += 1
        for event in self.client.receive(message):
            self._note(event, wire)
        self.send()

    def cut(self) -> None:
        """The client loses its connection, and with it all that is under way to it."""
        self.wires[-1].is_open = False
        self.wires[-1].server.to_client.clear()
        self.client.connection_lost()

    def end(self, wire: Wire) -> None:
        """The server of a connection learns that it has ended."""
        wire.to_server.clear()
        wire.server.let_go()
        self.cluster.ends.remove(wire.server)

    def kill(self, wire: Wire) -> None:
        """The server of a connection dies: what it has not committed is lost."""
        wire.to_server.clear()
        wire.server.work.clear()
        wire.server.saves.clear()
        self.cluster.ends.remove(wire.server)
        if wire.is_open:
            self.cut()

    # All to its end.

    def finish(self) -> None:
        """Let everything arrive and be done, over new connections where old ones end."""
        for _ in range(MAX_ROUNDS):
            if self.wire is None:
                self.connect()
            self.send()
            if not self._move():
                return
        raise AssertionError("it continues without end")

    def _move(self) -> bool:
        """Whether anything was left to do."""
        moved = False
        for wire in [each for each in self.wires if each.server in self.cluster.ends]:
            server = wire.server
            moved = moved or bool(wire.to_server or server.work or server.saves)
            while wire.to_server:
                self.arrive(wire)
            while server.work:
                server.do(0)
            while server.saves:
                server.save()
        while self.wire is not None and self.wire.server.to_client:
            moved = True
            self.answer()
        return moved

    def end_with_bye(self) -> None:
        """Say it, and let everything arrive and be done without another connection."""
        self.client.request(Bye())
        self.send()
        while self._move():
            pass

    def _note(self, event: events.Event, wire: Wire) -> None:
        self.came.append(event)
        match event:
            case events.Answered(index, message):
                (row,) = message.objects
                memory = self._session, message.epoch
                self.outcomes.append(Outcome(index, memory, row.track_id))
            case events.Dropped(index):
                self.outcomes.append(Outcome(index, (self._session, 0), None))
            case events.Refused(error, fatal):
                assert not fatal, error
