"""Actions that a session returns, for its shell to execute in order."""

from dataclasses import dataclass
from typing import Any

from maskstream_model.port import StepInput
from maskstream_protocol.frames import FrameMessage
from maskstream_protocol.notices import ServerMessage
from maskstream_protocol.results import Timings
from maskstream_server.events.found import FoundEvent
from maskstream_server.session.prompts import SessionPrompts
from maskstream_server.session.reporting import ReportedFrame


@dataclass(frozen=True)
class SendMessage:
    """Send a control message."""

    message: ServerMessage


@dataclass(frozen=True)
class SendResult:
    """Send an encoded RESULT, whose frame came at `arrived_s`; one that is final may follow."""

    message: bytes
    arrived_s: float
    sequence: int
    final: bool = True


@dataclass(frozen=True)
class CheckPrompts:
    """Ask the model whether it takes prompts; report `prompts_checked`."""

    prompts: SessionPrompts


@dataclass(frozen=True)
class Decode:
    """Decode a frame that came at `arrived_s`; report `decoded` or `failed`."""

    frame: FrameMessage
    arrived_s: float


@dataclass(frozen=True)
class Prime:
    """Decode a unit for the sake of those that follow it; report `not_primed` where it fails."""

    frame: FrameMessage


@dataclass(frozen=True)
class StepModel:
    """Step the model; report `stepped` or `failed`.

    Attributes:
        sequence: of the frame; None where the model is flushed: `step` has no frame.
        step: its `state` is None where an epoch begins.
        mentioned: tracks that the client knows.
        committed: last frame of which a checkpoint was made, as the model counts.
        num_frames: frames that the model has had after the step.
        answered: last frame that has its final result, as the model counts.
    """

    sequence: int | None
    step: StepInput[Any]
    mentioned: frozenset[int]
    committed: int
    num_frames: int
    answered: int


@dataclass(frozen=True)
class Encode:
    """Encode what the model found; report `encoded`, or `failed` where it is final."""

    frame: FrameMessage
    report: ReportedFrame
    timings: Timings


@dataclass(frozen=True)
class CommitMemory:
    """Commit the whole memory after `sequence`, with results and events since the last commit."""

    epoch: int
    sequence: int
    parts: dict[str, bytes]
    results: tuple[tuple[int, bytes], ...]
    keep_after: int
    events: tuple[FoundEvent, ...] = ()


@dataclass(frozen=True)
class ConfirmToken:
    """The client has its new resume token: the previous one becomes invalid."""


@dataclass(frozen=True)
class DeleteSession:
    """Delete the session's memory."""


@dataclass(frozen=True)
class Close:
    """Close the connection, after everything that was sent before."""

    code: int
    reason: str = ""


Action = (
    SendMessage
    | SendResult
    | CheckPrompts
    | Decode
    | Prime
    | StepModel
    | Encode
    | CommitMemory
    | ConfirmToken
    | DeleteSession
    | Close
)
