"""Events of a client session: answers to frames, and what happened to the stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from maskstream_protocol.errors import WireError
from maskstream_protocol.notices import DropReason, PromptInfo, ResetReason, Welcome
from maskstream_protocol.results import ResultMessage


@dataclass(frozen=True)
class Answered:
    """A frame's result.

    Attributes:
        frame_index: of the frame among all that were pushed, from 0.
    """

    frame_index: int
    message: ResultMessage


@dataclass(frozen=True)
class Provisional:
    """A preliminary result of a frame; its final one follows.

    Attributes:
        frame_index: of the frame among all that were pushed, from 0.
    """

    frame_index: int
    message: ResultMessage


@dataclass(frozen=True)
class Dropped:
    """A frame that gets no result.

    Attributes:
        frame_index: of the frame among all that were pushed, from 0.
        reason: the server's, or `lost` where that or the frame's result was lost on the way.
    """

    frame_index: int
    reason: DropReason | Literal["lost"]


@dataclass(frozen=True)
class IdentitiesReset:
    """Identities start over with the next result: all tracks were forgotten."""

    epoch: int
    reason: ResetReason


@dataclass(frozen=True)
class Connected:
    """The server accepted the client."""

    welcome: Welcome


@dataclass(frozen=True)
class PromptsChanged:
    """The server follows these prompts.

    Attributes:
        from_sequence: results follow them from here on (compare `Result.sequence`).
        prompts: with the class id of each, and its tracks so far.
    """

    from_sequence: int
    prompts: tuple[PromptInfo, ...]


@dataclass(frozen=True)
class PromptsRefused:
    """The server keeps the prompts that it had."""

    error: WireError


@dataclass(frozen=True)
class Watching:
    """A viewer is connected; results after frame `sequence` of the session follow."""

    session: str
    sequence: int


@dataclass(frozen=True)
class ConnectionLost:
    """The connection ended; the next attempt is made after `delay_s`."""

    reason: str
    delay_s: float


@dataclass(frozen=True)
class GoingAway:
    """The server is about to close; the session continues on another."""

    in_ms: int
    reason: str


@dataclass(frozen=True)
class Refused:
    """An error of the server; a fatal one ends the connection."""

    error: WireError
    fatal: bool


@dataclass(frozen=True)
class StoreReturned:
    """Results are durable again."""


@dataclass(frozen=True)
class FlushDone:
    """Everything before the flush is answered and durable."""

    id: Any


Event = (
    Answered
    | Provisional
    | Dropped
    | IdentitiesReset
    | Connected
    | PromptsChanged
    | PromptsRefused
    | Watching
    | ConnectionLost
    | GoingAway
    | Refused
    | StoreReturned
    | FlushDone
)
