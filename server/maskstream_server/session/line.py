"""The line of a session: frames and requests in the order in which they are answered."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from maskstream_model.aliases import Frame
from maskstream_protocol.errors import WireError
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.results import ResultMessage
from maskstream_server.events.observation import Seen
from maskstream_server.session.prompts import NO_PROMPTS, SessionPrompts


class FramePhase(Enum):
    """Where a frame is on its way."""

    WAITING = auto()
    DECODING = auto()
    DECODED = auto()
    STEPPING = auto()
    PENDING = auto()
    """The model has seen it and answers later."""
    ENCODING = auto()
    DONE = auto()


@dataclass(frozen=True)
class Checkpoint:
    """The model's memory as named parts, which hold the frames up to number `index`."""

    index: int
    parts: Mapping[str, bytes]


@dataclass(eq=False)
class FrameTask:
    """One accepted frame on its way; it is done when it has an `answer` or an `error`.

    Attributes:
        num_bytes: size of its message, which the credit counts.
        prompts: what it is to be segmented by.
        awaits_prompts: the model has yet to say whether it takes a change of them.
        skipped: frames before it that newer ones have replaced.
        picture: decoded, until it is answered; None where it failed.
        size: height and width of the picture.
        decode_s: what decoding took.
        index: its number, as the model counts; 0 before it is stepped.
        before: what the model stepped it from (`pipeline.Chain`).
        is_stale: what is under way for it began from a state that has been taken back.
        mentioned: tracks that the client knows after it.
        classes: of these tracks.
        checkpoint: the memory to commit once it is answered; None: there is none to commit.
        answer: its result; None where it was answered on an earlier connection.
        seen: its tracks as rules see them.
    """

    frame: FrameMessage
    num_bytes: int
    arrived_s: float
    prompts: SessionPrompts = NO_PROMPTS
    awaits_prompts: bool = False
    skipped: int = 0
    phase: FramePhase = FramePhase.WAITING
    picture: Frame | None = None
    size: tuple[int, int] = (0, 0)
    decode_s: float = 0.0
    index: int = 0
    before: Any = None
    is_stale: bool = False
    mentioned: frozenset[int] = frozenset()
    classes: Mapping[int, int] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    answer: ResultMessage | None = None
    seen: Seen = ()
    error: WireError | None = None

    def fail(self, error: WireError) -> None:
        """End it with an error instead of an answer."""
        self.error, self.picture, self.phase = error, None, FramePhase.DONE

    def take_back(self) -> None:
        """Let the model see it again, at once or when what is under way for it has come."""
        self.answer = self.checkpoint = None
        self.is_stale = self.phase in (FramePhase.STEPPING, FramePhase.ENCODING)
        if not self.is_stale:
            self.phase = FramePhase.DECODED

    def comes_stale(self) -> bool:
        """Whether what has come for it is of no use; it is then ready for the model again."""
        if not self.is_stale:
            return False
        self.is_stale, self.phase = False, FramePhase.DECODED
        return True

    @property
    def before_model(self) -> bool:
        """Whether the engine has not seen it and may still do so."""
        return self.phase in (FramePhase.WAITING, FramePhase.DECODING, FramePhase.DECODED)


@dataclass(frozen=True)
class ResetMark:
    """From here on the session is in `epoch`."""

    epoch: int


@dataclass(frozen=True)
class FlushMark:
    """A client asked for a message when everything before this is answered and durable."""

    id: Any


Item = FrameTask | ResetMark | FlushMark


class Line:
    """First in, first answered."""

    def __init__(self) -> None:
        self._items: deque[Item] = deque()

    def add(self, item: Item) -> None:
        """Queue at the end."""
        self._items.append(item)

    def next_ready(self) -> Item | None:
        """Take the first item where it can be answered now, else None."""
        if not self._items:
            return None
        head = self._items[0]
        if isinstance(head, FrameTask) and head.phase is not FramePhase.DONE:
            return None
        return self._items.popleft()

    def tasks(self) -> Iterator[FrameTask]:
        """Frames in order."""
        return (item for item in self._items if isinstance(item, FrameTask))

    def task(self, sequence: int) -> FrameTask | None:
        """The frame of that sequence, where it is still in the line."""
        return next((task for task in self.tasks() if task.frame.sequence == sequence), None)

    def take(self, phase: FramePhase, before: FrameTask) -> list[FrameTask]:
        """Take out the frames in a phase that are older than another."""
        end = before.frame.sequence
        taken = [task for task in self.tasks() if task.phase is phase and task.frame.sequence < end]
        self._items = deque(item for item in self._items if item not in taken)
        return taken

    def first_task(self) -> FrameTask | None:
        """The oldest frame that is not answered."""
        return next(self.tasks(), None)

    @property
    def num_marks(self) -> int:
        """Requests among the frames."""
        return sum(not isinstance(item, FrameTask) for item in self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __bool__(self) -> bool:
        return bool(self._items)
