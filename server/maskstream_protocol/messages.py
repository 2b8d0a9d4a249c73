"""The control messages as values, and their JSON (protocol.md section 1)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Final, Literal, cast, get_args

from maskstream_protocol.fields import U16_MAX, Fields, read_object
from maskstream_protocol.frames import ALL_CODECS
from maskstream_protocol.prompts import PROMPTS_RULE, trimmed_prompts

Policy = Literal["lossless", "latest"]
MaskFormat = Literal["rle", "bits", "labelmap", "polygons", "none"]

POLICIES: Final = ("lossless", "latest")
MASK_FORMATS: Final[tuple[MaskFormat, ...]] = get_args(MaskFormat)
MASK_SCALES: Final = (1.0, 0.5, 0.25)


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
    if isinstance(value, Part):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


@dataclass(frozen=True)
class Part:
    """An object inside a message."""


@dataclass(frozen=True)
class Resume(Part):
    """What a client says to go on with a session."""

    token: str = field(repr=False)
    last_sequence: int


@dataclass(frozen=True)
class Hello(ControlMessage):
    """The client's first message; see protocol.md for what each field means.

    Attributes:
        classes: names of the classes to mention; None for all (section 10, as the next two).
        prompts: what to segment, for models that take prompts; None beside `resume` keeps those of
            the session.
        provisional: asks a late model for a preliminary result of the newest frame.
    """

    type: ClassVar[str] = "hello"
    model: str | None = None
    policy: Policy = "lossless"
    codecs: tuple[str, ...] = ALL_CODECS
    masks: MaskFormat = "rle"
    mask_scale: float = 1.0
    min_score: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    resume: Resume | None = None
    classes: tuple[str, ...] | None = None
    prompts: tuple[str, ...] | None = None
    provisional: bool = False


@dataclass(frozen=True)
class Ack(ControlMessage):
    """Every result up to `sequence` has arrived."""

    type: ClassVar[str] = "ack"
    sequence: int


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
    prompts: tuple[str, ...]


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


def _hello(values: Fields) -> Hello:
    codecs = values.texts_or_none("codecs")
    scale = values.number_or_none("mask_scale", 0, 1)
    if scale is not None and scale not in MASK_SCALES:
        raise values.wrong("mask_scale", "one of 1, 0.5, 0.25")
    return Hello(
        model=values.text_or_none("model"),
        policy=cast(Policy, values.choice("policy", POLICIES, "lossless")),
        codecs=ALL_CODECS if codecs is None else codecs,
        masks=cast(MaskFormat, values.choice("masks", MASK_FORMATS, "rle")),
        mask_scale=1.0 if scale is None else scale,
        min_score=values.number_or_none("min_score", 0, 1),
        width=values.integer_or_none("width", 1, U16_MAX),
        height=values.integer_or_none("height", 1, U16_MAX),
        fps=values.number_or_none("fps", 0, 1e6),
        resume=_resume(values.inner_or_none("resume")),
        classes=values.texts_or_none("classes"),
        prompts=_prompts_or_none(values),
        provisional=values.flag("provisional", default=False),
    )


def _resume(values: Fields | None) -> Resume | None:
    if values is None:
        return None
    return Resume(values.text("token"), values.integer("last_sequence"))


def _prompts_or_none(values: Fields) -> tuple[str, ...] | None:
    texts = values.texts_or_none("prompts")
    try:
        return None if texts is None else trimmed_prompts(texts)
    except ValueError as error:
        raise values.wrong("prompts", PROMPTS_RULE) from error


def _prompts(values: Fields) -> Prompts:
    prompts = _prompts_or_none(values)
    if prompts is None:
        raise values.wrong("prompts", PROMPTS_RULE)
    return Prompts(prompts)


_READERS: Final[dict[str, Callable[[Fields], ClientMessage]]] = {
    "hello": _hello,
    "ack": lambda values: Ack(values.integer("sequence")),
    "flush": lambda values: Flush(values.any("id")),
    "reset": lambda values: Reset(),
    "prompts": _prompts,
    "ping": lambda values: Ping(values.any("id")),
    "bye": lambda values: Bye(),
}


def parse_client_message(text: str) -> ClientMessage | None:
    """Read a message of a client; None for a type that this version does not know.

    Raises:
        BadMessageError: not JSON, or a known type with wrong fields.
    """
    values = read_object(text)
    kind = Fields(values, "message").text("type")
    reader = _READERS.get(kind)
    return reader(Fields(values, kind)) if reader else None
