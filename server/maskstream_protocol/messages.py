"""The control messages as values, and their JSON (docs/protocol.md 1)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar, get_args

from maskstream_protocol.fields import (
    U16_MAX,
    U64,
    Between,
    Checked,
    read_fields,
    read_object,
    wrong,
)
from maskstream_protocol.frames import ALL_CODECS
from maskstream_protocol.prompts import PROMPTS_RULE, trimmed_prompts
from maskstream_protocol.rules import Rule

T = TypeVar("T")
Policy = Literal["lossless", "latest"]
MaskFormat = Literal["rle", "bits", "labelmap", "polygons", "none"]

MASK_FORMATS: Final[tuple[MaskFormat, ...]] = get_args(MaskFormat)
MASK_SCALES: Final = (1.0, 0.5, 0.25)


def _known_scale(value: float) -> float:
    if value not in MASK_SCALES:
        raise ValueError(value)
    return value


Side = Annotated[int, Between(1, U16_MAX)]
MaskScale = Annotated[float, Checked(_known_scale, "one of 1, 0.5, 0.25")]
PromptTexts = Annotated[tuple[str, ...], Checked(trimmed_prompts, PROMPTS_RULE)]


@dataclass(frozen=True)
class ControlMessage:
    """Root of all messages that travel as JSON text."""

    type: ClassVar[str]

    def to_json(self) -> str:
        """The text of the WebSocket message."""
        values: dict[str, Any] = {"type": self.type}
        for item in fields(self):
            value = getattr(self, item.name)
            if value is not None or not item.metadata.get("omit_none"):
                values[item.name] = _plain(value)
        return json.dumps(values, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """A value as JSON knows it; inner parts of a message become objects."""
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


@dataclass(frozen=True)
class SubMessage:
    """An object inside a message."""


@dataclass(frozen=True)
class Resume(SubMessage):
    """What a client sends to resume a session."""

    token: str = field(repr=False)
    last_sequence: U64


@dataclass(frozen=True)
class Hello(ControlMessage):
    """The client's first message; see docs/protocol.md for what each field means.

    Attributes:
        classes: names of the classes to mention; None for all (section 10, as the next ones).
        prompts: what to segment, for models that take prompts; None beside `resume` keeps those of
            the session.
        provisional: asks a late model for a preliminary result of the newest frame.
        rules: make events of results; None beside `resume` keeps those of the session.
        webhook: address that the events are sent to; likewise.
    """

    type: ClassVar[str] = "hello"
    model: str | None = None
    policy: Policy = "lossless"
    codecs: tuple[str, ...] = ALL_CODECS
    masks: MaskFormat = "rle"
    mask_scale: MaskScale = 1.0
    min_score: Annotated[float, Between(0, 1)] | None = None
    width: Side | None = None
    height: Side | None = None
    fps: Annotated[float, Between(0, 1e6)] | None = None
    resume: Resume | None = None
    classes: tuple[str, ...] | None = None
    prompts: PromptTexts | None = None
    provisional: bool = False
    rules: tuple[Rule, ...] | None = None
    webhook: str | None = None


@dataclass(frozen=True)
class Ack(ControlMessage):
    """Every result up to `sequence` has arrived."""

    type: ClassVar[str] = "ack"
    sequence: U64


@dataclass(frozen=True)
class Flush(ControlMessage):
    """Asks for `flushed` once everything before it is answered and durable."""

    type: ClassVar[str] = "flush"
    id: Any = None


@dataclass(frozen=True)
class Reset(ControlMessage):
    """Forget all tracks."""

    type: ClassVar[str] = "reset"


@dataclass(frozen=True)
class Prompts(ControlMessage):
    """Segment what these texts refer to from now on; answered by `prompted`."""

    type: ClassVar[str] = "prompts"
    prompts: PromptTexts


@dataclass(frozen=True)
class Ping(ControlMessage):
    """Application heartbeat."""

    type: ClassVar[str] = "ping"
    id: Any = None


@dataclass(frozen=True)
class Bye(ControlMessage):
    """The client is done; the session ends."""

    type: ClassVar[str] = "bye"


ClientMessage = Hello | Ack | Flush | Reset | Prompts | Ping | Bye


_KINDS: Final = {kind.type: kind for kind in get_args(ClientMessage)}


def parse_client_message(text: str) -> ClientMessage | None:
    """Read a message of a client; None for a type that this version does not know.

    Raises:
        BadMessageError: not JSON, or a known type with wrong fields.
    """
    return parse(text, _KINDS)


def parse(text: str, kinds: Mapping[str, type[T]]) -> T | None:
    """Read a message of one of the `kinds`; see `parse_client_message`."""
    values = read_object(text)
    name = values.get("type")
    if not isinstance(name, str):
        raise wrong("message.type", "a string", name)
    return read_fields(kinds[name], values, name) if name in kinds else None
