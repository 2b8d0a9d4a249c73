"""The control messages of the server (docs/protocol.md 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from maskstream_protocol.errors import WireError, error_class
from maskstream_protocol.fields import U16_MAX, U32_MAX, U64, Between, Epoch, Positive
from maskstream_protocol.messages import ControlMessage, SubMessage, parse

ResetReason = Literal["client", "state_lost", "expired", "model_changed"]
DropReason = Literal["superseded", "undecodable", "internal"]

TrackId = Annotated[int, Between(1, U32_MAX)]
_OMIT_NONE: Final = {"omit_none": True}


@dataclass(frozen=True)
class FrameCredit(SubMessage):
    """How many frames and bytes (of whole messages) may be under way."""

    frames: U64
    bytes: U64


@dataclass(frozen=True)
class ModelInfo(SubMessage):
    """The model that serves the session.

    Attributes:
        lookahead: how many further frames a result may wait for (docs/protocol.md 10).
    """

    name: str
    task: str
    fingerprint: str
    classes_url: str
    lookahead: U64 = 0


@dataclass(frozen=True)
class Limits(SubMessage):
    """What the server takes at most."""

    frame_bytes: U64
    frame_pixels: U64
    tracks: U64


@dataclass(frozen=True)
class PromptInfo(SubMessage):
    """A prompt in use, and what was found by it in this epoch.

    Attributes:
        class_id: class of its tracks, never given to another text in the epoch.
        track_ids: of its tracks so far.
    """

    text: str
    class_id: Annotated[int, Between(0, U16_MAX)]
    track_ids: tuple[TrackId, ...]


@dataclass(frozen=True)
class Welcome(ControlMessage):
    """Answers `hello`.

    Attributes:
        features: additions of docs/protocol.md 10 that the server has.
        codecs: those of `hello` that the server decodes; none from a server without `packets`.
        prompts: those of the session; None where its model takes none.
    """

    type: ClassVar[str] = "welcome"
    session: str
    epoch: Epoch
    resumed: bool
    next_sequence: Positive
    credit: FrameCredit
    heartbeat_ms: U64
    idle_ms: U64
    resume_token: str = field(repr=False)
    resume_ttl_ms: U64
    model: ModelInfo
    limits: Limits
    features: tuple[str, ...] = ()
    prompts: tuple[PromptInfo, ...] | None = None
    codecs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watching(ControlMessage):
    """The first message to a viewer of a session; results follow as they are committed."""

    type: ClassVar[str] = "watching"
    session: str
    epoch: Epoch
    sequence: U64
    model: ModelInfo


@dataclass(frozen=True)
class ResetNotice(ControlMessage):
    """Identities start over."""

    type: ClassVar[str] = "reset"
    epoch: Epoch
    reason: ResetReason
    next_sequence: Positive


@dataclass(frozen=True)
class Credit(ControlMessage):
    """More may be sent; everything up to `durable_sequence` is durable."""

    type: ClassVar[str] = "credit"
    frames: U64
    bytes: U64
    durable_sequence: U64


@dataclass(frozen=True)
class Drop(ControlMessage):
    """The frames `first` to `last` get no result."""

    type: ClassVar[str] = "drop"
    first: Positive
    last: Positive
    reason: DropReason


@dataclass(frozen=True)
class GoAway(ControlMessage):
    """The server will close with 1012."""

    type: ClassVar[str] = "goaway"
    in_ms: U64
    reason: str


@dataclass(frozen=True)
class Flushed(ControlMessage):
    """Answers `flush`; `sequence` is the last one answered, 0 for none."""

    type: ClassVar[str] = "flushed"
    id: Any
    sequence: U64


@dataclass(frozen=True)
class Prompted(ControlMessage):
    """Answers `prompts`: results from `from_sequence` on follow them."""

    type: ClassVar[str] = "prompted"
    from_sequence: Positive
    prompts: tuple[PromptInfo, ...]


@dataclass(frozen=True)
class Pong(ControlMessage):
    """Answers `ping`."""

    type: ClassVar[str] = "pong"
    id: Any = None


@dataclass(frozen=True)
class ErrorMessage(ControlMessage):
    """Something went wrong; see docs/protocol.md 7."""

    type: ClassVar[str] = "error"
    code: str
    message: str
    retry: bool
    sequence: U64 | None
    fatal: bool
    retry_after_ms: U64 | None = field(default=None, metadata=_OMIT_NONE)
    expected: U64 | None = field(default=None, metadata=_OMIT_NONE)

    @classmethod
    def of(cls, error: WireError, *, fatal: bool | None = None) -> ErrorMessage:
        """The message for `error`; `fatal` overrides, for one too many."""
        return cls(
            code=error.code,
            message=error.message,
            retry=error.retry,
            sequence=error.sequence,
            fatal=error.fatal if fatal is None else fatal,
            retry_after_ms=error.retry_after_ms,
            expected=error.expected,
        )

    def to_error(self) -> WireError:
        """The exception that this message stands for."""
        return error_class(self.code)(
            self.message,
            sequence=self.sequence,
            expected=self.expected,
            retry_after_ms=self.retry_after_ms,
        )


@dataclass(frozen=True)
class StoreBack(ControlMessage):
    """Commits work again after `error store_away`."""

    type: ClassVar[str] = "store_back"


ServerMessage = (
    Welcome
    | Watching
    | ResetNotice
    | Credit
    | Drop
    | GoAway
    | Flushed
    | Prompted
    | Pong
    | ErrorMessage
    | StoreBack
)
_KINDS: Final = {kind.type: kind for kind in get_args(ServerMessage)}


def parse_server_message(text: str) -> ServerMessage | None:
    """Read a message of a server; None for a type that this version does not know.

    Raises:
        BadMessageError: not JSON, or a known type with wrong fields.
    """
    return parse(text, _KINDS)
