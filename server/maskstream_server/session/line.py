"""The line of a session: frames and requests in the order in which they are answered."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from maskstream_model.interface import Frame
from maskstream_protocol.errors import WireError
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.results import ResultMessage


class Phase(Enum):
    """Where a frame is on its way."""

    WAITING = auto()
    DECODING = auto()
    DECODED = auto()
    INFERRING = auto()
    ENCODING = auto()
    DONE = auto()


@dataclass(eq=False)
class Job:
    """One accepted frame on its way; it is done when it has an `answer` or an `error`.

    Attributes:
        frame: as it came.
        num_bytes: size of its message, which the credit counts.
        arrived_s: when it came.
        picture: decoded, until it is answered; None where it failed.
        size: height and width of the picture.
        decode_s: what decoding took.
        before: the chain of states (`Pipeline`) that the model took it with.
        is_stale: what is under way for it began from a state that has been taken back.
        snapshot, mentioned: the memory after this frame.
    """

    frame: FrameMessage
    num_bytes: int
    arrived_s: float
    phase: Phase = Phase.WAITING
    picture: Frame | None = None
    size: tuple[int, int] = (0, 0)
    decode_s: float = 0.0
    before: Any = None
    is_stale: bool = False
    snapshot: bytes | None = None
    mentioned: frozenset[int] = frozenset()
    answer: ResultMessage | None = None
    error: WireError | None = None

    def fail(self, error: WireError) -> None:
        """End it with an error instead of an answer."""
        self.error, self.picture, self.phase = error, None, Phase.DONE

    def take_back(self) -> None:
        """Let the model see it again, at once or when what is under way for it has come."""
        self.is_stale = self.phase in (Phase.INFERRING, Phase.ENCODING)
        if not self.is_stale:
            self.phase = Phase.DECODED

    def comes_stale(self) -> bool:
        """Whether what has come for it is of no use; it is then ready for the model again."""
        if not self.is_stale:
            return False
        self.is_stale, self.phase = False, Phase.DECODED
        return True

    @property
    def before_model(self) -> bool:
        """Whether the engine has not seen it and may still do so."""
        return self.phase in (Phase.WAITING, Phase.DECODING, Phase.DECODED)


@dataclass(frozen=True)
class ResetMark:
    """From here on the session is in `epoch`."""

    epoch: int


@dataclass(frozen=True)
class FlushMark:
    """A client wants to know when everything before this is answered and durable."""

    id: Any


class Line:
    """First in, first answered."""

    def __init__(self) -> None:
        self._items: deque[Job | ResetMark | FlushMark] = deque()

    def add(self, item: Job | ResetMark | FlushMark) -> None:
        """Queue at the end."""
        self._items.append(item)

    def next_ready(self) -> Job | ResetMark | FlushMark | None:
        """Take the first item where it can be answered now, else None."""
        if not self._items:
            return None
        head = self._items[0]
        if isinstance(head, Job) and head.phase is not Phase.DONE:
            return None
        return self._items.popleft()

    def jobs(self) -> Iterator[Job]:
        """Frames in order."""
        return (item for item in self._items if isinstance(item, Job))

    def job(self, sequence: int) -> Job | None:
        """The frame of that sequence, where it is still in the line."""
        return next((job for job in self.jobs() if job.frame.sequence == sequence), None)

    def take_waiting(self) -> list[Job]:
        """Take out the frames on which no work has begun."""
        taken = [job for job in self.jobs() if job.phase is Phase.WAITING]
        self._items = deque(item for item in self._items if item not in taken)
        return taken

    def first_job(self) -> Job | None:
        """The oldest frame that is not answered."""
        return next(self.jobs(), None)

    @property
    def num_marks(self) -> int:
        """Requests among the frames."""
        return sum(not isinstance(item, Job) for item in self._items)

    def __bool__(self) -> bool:
        return bool(self._items)
