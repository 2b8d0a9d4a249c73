"""A session under test with a shell that does what it asks for: decode, step, encode, commit."""

import json
from dataclasses import dataclass, field, replace

import numpy as np

from maskstream_model.port import StepInput, TrackTable
from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.records import Task
from maskstream_protocol.results import ResultMessage, decode_result
from maskstream_server.events.rules import NO_RULES, EventRules
from maskstream_server.session.actions import (
    Action,
    CheckPrompts,
    Close,
    CommitMemory,
    Decode,
    Encode,
    SendMessage,
    SendResult,
    StepModel,
)
from maskstream_server.session.admission import Terms
from maskstream_server.session.credit import CreditLimit
from maskstream_server.session.memory import Beginning
from maskstream_server.session.pipeline import WorkTimes
from maskstream_server.session.prompts import SessionPrompts
from maskstream_server.session.reporting import ReportedFrame, StepReport
from maskstream_server.session.session import Session
from maskstream_server.streaming.encode import ResultFormat, encode_and_observe

MAX_STEPS = 10_000
PICTURE = np.zeros((4, 6, 3), np.uint8)
NOTHING = np.zeros(0, np.int64)
NO_TRACKS = TrackTable(
    NOTHING, NOTHING, np.zeros(0, np.float32), NOTHING, NOTHING, NOTHING > 0, NOTHING > 0
)
TIMES = WorkTimes(inference_s=0.05, read_s=0.001)


def terms(**changes) -> Terms:
    values = {
        "policy": "lossless",
        "codecs": frozenset({0, 1, 2, 3}),
        "credit": CreditLimit(frames=8, num_bytes=40_000),
        "max_frame_bytes": 10_000,
        "max_frame_pixels": 1_000,
        "messages_per_s": 1e6,
    }
    return Terms(**values | changes)


def frame(sequence: int, epoch: int = 1, payload: bytes = b"jpeg", **fields) -> bytes:
    values = {"codec": 0, "payload": payload} | fields
    return FrameMessage(sequence=sequence, epoch=epoch, **values).encode()


def found(
    index: int, state: object = "seen", mentioned: frozenset[int] = frozenset({1})
) -> StepReport:
    """What a model gives that answers frame `index` at once, without a track to show."""
    frame = ReportedFrame(index, True, PICTURE.shape[:2], NO_TRACKS, None, mentioned, 0, 0)
    parts = {"state": f"<{state}>".encode()}
    return StepReport((frame,), state, mentioned, index, parts)


@dataclass
class Conversation:
    """Feeds a session, remembers all it did; the work is done when a test says so.

    `work`, `saves`: what the session has asked for and nobody has done yet.
    `said`: what the client was sent, as wire messages; results as `("result", sequence)`.
    `origins`: the state from which the model last took each frame.
    """

    session: Session
    work: list[Action] = field(default_factory=list)
    saves: list[CommitMemory] = field(default_factory=list)
    said: list[dict | tuple[str, int]] = field(default_factory=list)
    results: list[ResultMessage] = field(default_factory=list)
    other: list[Action] = field(default_factory=list)
    origins: dict[int, object] = field(default_factory=dict)
    closed: int | None = None
    committed: list[CommitMemory] = field(default_factory=list)
    now_s: float = 100.0
    rules: EventRules = NO_RULES

    def picture(self, message: FrameMessage) -> np.ndarray:
        """The pixels of a frame."""
        return PICTURE

    def check(self, prompts: SessionPrompts) -> BadMessageError | None:
        """Why the model refuses prompts."""
        return None

    def model(
        self, sequence: int | None, step: StepInput, mentioned: frozenset[int], committed: int
    ) -> StepReport:
        """Answer a frame at once; the state is the frame's sequence."""
        assert sequence is not None
        return found(committed + 1, sequence)

    @classmethod
    def begin(cls, beginning: Beginning | None = None, **changes) -> "Conversation":
        return cls(Session(terms(**changes), beginning or Beginning()))

    def text(self, **message) -> None:
        self.raw_text(json.dumps(message))

    def raw_text(self, text: str) -> None:
        self.take(self.session.text(text, now_s=self.now_s))

    def binary(self, data: bytes) -> None:
        self.take(self.session.binary(data, now_s=self.now_s))

    def frames(self, first: int, last: int, **fields) -> None:
        for sequence in range(first, last + 1):
            self.binary(frame(sequence, **fields))

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            assert self.closed is None, f"{action} after the close"
            match action:
                case SendMessage(message):
                    self.said.append(json.loads(message.to_json()))
                case SendResult(message):
                    result = decode_result(message)
                    if action.final:
                        self.results.append(result)
                    self.said.append(("result" if action.final else "early", result.sequence))
                case Close(code):
                    self.closed = code
                case CommitMemory():
                    self.saves.append(action)
                case CheckPrompts() | Decode() | StepModel() | Encode():
                    self.work.append(action)
                case _:
                    self.other.append(action)

    def step(self, report: StepReport | None = None) -> None:
        """Do the oldest piece of work."""
        action = self.work.pop(0)
        match action:
            case CheckPrompts(prompts):
                self.take(self.session.prompts_checked(self.check(prompts)))
            case Decode(message):
                self.take(self.session.decoded(message.sequence, self.picture(message), 0.002))
            case StepModel(sequence, step, mentioned, committed):
                self.origins[sequence] = step.state
                report = report or self.model(sequence, step, mentioned, committed)
                self.take(self.session.stepped(sequence, report, TIMES, 100.1))
            case Encode(message, frame, timings):
                form = ResultFormat("none", 1.0, Task.INSTANCES)
                answer, seen = encode_and_observe(action, form, self.rules)
                answer = replace(answer, timings=timings)
                self.take(self.session.encoded(message.sequence, answer, frame.final, seen))

    def run(self, commit: bool = True) -> None:
        """Do all work, and commit what is to be saved."""
        for _ in range(MAX_STEPS):
            if not self.work:
                break
            self.step()
        else:
            raise AssertionError("the session asks for work without end")
        if commit:
            self.commit()

    def commit(self) -> None:
        while self.saves:
            save = self.saves.pop(0)
            self.committed.append(save)
            self.take(self.session.durable(save.epoch, save.sequence))

    def of(self, kind: str) -> list[dict]:
        return [each for each in self.said if isinstance(each, dict) and each["type"] == kind]

    @property
    def error_codes(self) -> list[str]:
        return [each["code"] for each in self.of("error")]

    @property
    def story(self) -> list:
        """What the client saw, briefly and in order, without credit."""
        return [
            each if isinstance(each, tuple) else each.get("code", each["type"])
            for each in self.said
            if isinstance(each, tuple) or each["type"] != "credit"
        ]
