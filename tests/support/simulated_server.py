"""Servers that share a store, without sockets, threads or time: what a wire law needs of them.

The session cores, the store, its tokens and the rules of commits are the real ones; the model is a
checksum over the frames of an epoch, so that a frame that is lost or comes twice changes all after.
"""

import zlib
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from client.server_side import LIMITS, MODEL
from maskstream_protocol import notices
from maskstream_protocol.errors import FrameUndecodableError
from maskstream_protocol.messages import Hello, parse_client_message
from maskstream_protocol.records import ObjectRecord, Status
from maskstream_protocol.results import ResultMessage, mark_durable
from maskstream_server.session.actions import (
    Action,
    Close,
    CommitMemory,
    ConfirmToken,
    Decode,
    DeleteSession,
    Encode,
    SendMessage,
    SendResult,
    StepModel,
)
from maskstream_server.session.memory import Beginning, SessionMemory, read_memory
from maskstream_server.session.session import Session
from maskstream_server.stores.committer import changed, merge
from maskstream_server.stores.interface import Commit, CommitOutcome, KeptResult, Lease, StoreTimes
from maskstream_server.stores.memory import MemoryStore
from maskstream_server.stores.tokens import hash_token, make_token, read_token
from support.conversation import NO_TRACKS, TIMES, found, terms
from support.stores import Clock

TTL_S = 120.0
Message = str | bytes | Close


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine that waits for nothing returns."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def payload_of(index: int) -> bytes:
    """The pixels of a frame that carries a number, RGB24, four rows of six."""
    return index.to_bytes(2, "little").ljust(4 * 6 * 3, b"\0")


def is_broken(payload: bytes) -> bool:
    """Whether a frame cannot be decoded: every seventh."""
    return int.from_bytes(payload[:2], "little") % 7 == 6


def identity_after(payload: bytes, before: int | None) -> int:
    """The one track's id on a frame, from all frames before it: the model's memory, too."""
    return zlib.crc32(payload, before or 0) or 1


class Cluster:
    """What the servers share: the store, its clock, and what a hello gets."""

    def __init__(self, policy: str) -> None:
        self.clock = Clock()
        self.store = MemoryStore(StoreTimes(TTL_S, 5.0), clock=self.clock)
        self.terms = terms(policy=policy)
        self.ends: list[ServerEnd] = []
        self._num_secrets = 0

    def open(self) -> "ServerEnd":
        """A new connection's server side."""
        self.ends.append(ServerEnd(self))
        return self.ends[-1]

    def open_session(self, hello: Hello) -> "Opening":
        """As `opening.open_session`: take the session up where its token lives, else begin one."""
        claim = read_token(hello.resume.token) if hello.resume else None
        if hello.resume and claim:
            token = self._token(claim.session)
            hashes = claim.token_hash, hash_token(token)
            taken = done(self.store.take_over(claim.session, "server", *hashes))
            if taken is not None:
                return self._resumed(taken, token, hello.resume.last_sequence)
        return self._begun(lost=hello.resume is not None)

    def _begun(self, lost: bool) -> "Opening":
        self._num_secrets += 1
        session = f"{self._num_secrets:024x}"
        token = self._token(session)
        lease = done(self.store.create(session, "server", hash_token(token)))
        memory = SessionMemory()
        said = [self._welcome(lease, token, memory, resumed=False)]
        said += [notices.ResetNotice(memory.epoch, "expired", 1).to_json()] if lost else []
        return Opening(lease, Beginning(memory), said)

    def _resumed(self, taken: Any, token: str, last_sequence: int) -> "Opening":
        lease, stored = taken.lease, taken.stored
        memory = read_memory(stored.epoch, stored.sequence, stored.parts, "")
        blob = memory.model_parts.get("state")
        index, state = (0, None) if blob is None else map(int, blob.split())
        kept = done(self.store.results_after(lease.session, 0))
        seen = min(last_sequence, memory.sequence)
        said = [self._welcome(lease, token, memory, resumed=True)]
        said += [mark_durable(each.message) for each in kept if each.sequence > seen]
        sequences = tuple(each.sequence for each in kept)
        return Opening(lease, Beginning(memory, state, index, sequences), said)

    def _token(self, session: str) -> str:
        self._num_secrets += 1
        return make_token(session, self._num_secrets.to_bytes(16, "big"))

    def _welcome(self, lease: Lease, token: str, memory: SessionMemory, resumed: bool) -> str:
        return notices.Welcome(
            session=lease.session,
            epoch=memory.epoch,
            resumed=resumed,
            next_sequence=memory.sequence + 1,
            credit=notices.FrameCredit(self.terms.credit.frames, self.terms.credit.num_bytes),
            heartbeat_ms=10_000,
            idle_ms=30_000,
            resume_token=token,
            resume_ttl_ms=round(1000 * TTL_S),
            model=MODEL,
            limits=LIMITS,
        ).to_json()


@dataclass(frozen=True)
class Opening:
    """The lease, where the session begins, and what its client gets first."""

    lease: Lease
    beginning: Beginning
    said: list[str | bytes]


@dataclass
class ServerEnd:
    """One connection as a server has it; `work` and `saves` wait until a test does them."""

    cluster: Cluster
    to_client: deque[Message] = field(default_factory=deque)
    work: list[Decode | StepModel | Encode] = field(default_factory=list)
    saves: deque[Commit | ConfirmToken] = field(default_factory=deque)
    session: Session | None = None
    lease: Lease | None = None
    held: Commit | None = None
    refused: list[str] = field(default_factory=list)

    def receive(self, message: str | bytes) -> None:
        """Take a message of the client."""
        now_s = self.cluster.clock()
        if self.session is None:
            hello = parse_client_message(str(message))
            assert isinstance(hello, Hello)
            opening = self.cluster.open_session(hello)
            self.lease = opening.lease
            self.session = Session(self.cluster.terms, opening.beginning)
            self.to_client += opening.said
        elif isinstance(message, str):
            self._take(self.session.text(message, now_s))
        else:
            self._take(self.session.binary(message, now_s))

    def do(self, which: int) -> None:
        """Do one piece of work."""
        session, action = self._living(), self.work.pop(which % len(self.work))
        match action:
            case Decode(frame) if is_broken(frame.payload):
                error = FrameUndecodableError("broken")
                self._take(session.failed(frame.sequence, error))
            case Decode(frame):
                picture = np.frombuffer(frame.payload, np.uint8).reshape(4, 6, 3)
                self._take(session.decoded(frame.sequence, picture, 0.0))
            case StepModel(sequence, step, _, committed):
                after, index = identity_after(step.frames[0].tobytes(), step.state), committed + 1
                report = found(index, after)
                (frame,) = report.frames
                row = replace(NO_TRACKS, track_ids=np.array([after]), labels=np.array([0]))
                parts = {"state": b"%d %d" % (index, after)}
                report = replace(report, frames=(replace(frame, tracks=row),), parts=parts)
                self._take(session.stepped(sequence, report, TIMES, self.cluster.clock()))
            case Encode(frame, report, timings):
                (track,) = report.tracks.track_ids.tolist()
                row = ObjectRecord(track, 0, 60_000, 1, Status.TRACKED)
                answer = ResultMessage(
                    frame.sequence, frame.epoch, report.size, (row,), timings=timings
                )
                self._take(session.encoded(frame.sequence, answer))

    def save(self) -> None:
        """Do what waits longest for the store; waiting commits are merged, as by `Committer`."""
        session, first = self._living(), self.saves.popleft()
        if isinstance(first, ConfirmToken):
            done(self.cluster.store.confirm_token(self.lease))
            return
        while self.saves and isinstance(self.saves[0], Commit):
            first = merge(first, self.saves.popleft())
        outcome = self._commit(first if self.held is None else changed(self.held, first))
        if outcome is CommitOutcome.BASE_DIFFERS:
            outcome = self._commit(first)
        if outcome in (CommitOutcome.COMMITTED, CommitOutcome.REPEATED):
            self.held = first
            self._take(session.durable(first.epoch, first.sequence))
        else:
            self.saves.clear()
            self._take(session.taken_over())

    def report(self, event: str, *args: Any) -> None:
        """Let the shell report something, as `going_away`, `store_away` or `store_back`."""
        self._take(getattr(self._living(), event)(*args))

    def let_go(self) -> None:
        """After the socket: what is not committed yet is, then the lease goes back."""
        self.work.clear()
        while self.saves:
            self.save()
        if self.lease is not None:
            done(self.cluster.store.release(self.lease))

    def _commit(self, commit: Commit) -> CommitOutcome:
        return done(self.cluster.store.commit(commit))

    def _living(self) -> Session:
        assert self.session is not None
        return self.session

    def _take(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case SendMessage(message):
                    if isinstance(message, notices.ErrorMessage):
                        self.refused.append(message.code)
                    self.to_client.append(message.to_json())
                case SendResult(message):
                    self.to_client.append(message)
                case Close():
                    self.to_client.append(action)
                case Decode() | StepModel() | Encode():
                    self.work.append(action)
                case CommitMemory(epoch, sequence, parts, results, keep_after):
                    kept = tuple(KeptResult(*each) for each in results)
                    rest = epoch, sequence, parts, kept, keep_after
                    self.saves.append(Commit(self.lease, 0, *rest))
                case ConfirmToken():
                    self.saves.append(action)
                case DeleteSession():
                    self.let_go()
                    done(self.cluster.store.delete(self.lease))
