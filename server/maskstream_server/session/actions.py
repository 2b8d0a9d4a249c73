"""What a session asks its shell to do: values that the session returns, in order."""

from dataclasses import dataclass
from typing import Any

from maskstream_model.interface import Frame
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.notices import ServerMessage
from maskstream_protocol.results import Timings
from maskstream_server.engine.types import EngineResult


@dataclass(frozen=True)
class Say:
    """Send a control message."""

    message: ServerMessage


@dataclass(frozen=True)
class Answer:
    """Send an encoded RESULT, whose frame came at `arrived_s`."""

    message: bytes
    arrived_s: float
    sequence: int


@dataclass(frozen=True)
class Decode:
    """Decode a frame that came at `arrived_s`; report `decoded` or `failed`."""

    frame: FrameMessage
    arrived_s: float


@dataclass(frozen=True)
class Infer:
    """Step the model; report `inferred` or `failed`. `state` None begins an epoch."""

    sequence: int
    picture: Frame
    state: Any
    mentioned: frozenset[int]


@dataclass(frozen=True)
class Encode:
    """Encode what the engine found; report `encoded` or `failed`.

    `size` is height and width of the upright picture.
    """

    frame: FrameMessage
    result: EngineResult[Any]
    timings: Timings
    size: tuple[int, int]


@dataclass(frozen=True)
class Save:
    """Commit the whole memory after `sequence`, with the results since the last commit."""

    epoch: int
    sequence: int
    parts: dict[str, bytes]
    results: tuple[tuple[int, bytes], ...]
    keep_after: int


@dataclass(frozen=True)
class ConfirmToken:
    """The client has its new resume token: the previous one dies."""


@dataclass(frozen=True)
class Forget:
    """Delete the session's memory."""


@dataclass(frozen=True)
class Close:
    """Close the connection, after everything that was sent before."""

    code: int
    reason: str = ""


Action = Say | Answer | Decode | Infer | Encode | Save | ConfirmToken | Forget | Close
