"""Reads the control messages of the server (protocol.md section 1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from maskstream_protocol.fields import U16_MAX, U32_MAX, Fields, read_object
from maskstream_protocol.notices import (
    DROP_REASONS,
    RESET_REASONS,
    Credit,
    Drop,
    DropReason,
    ErrorMessage,
    Flushed,
    FrameCredit,
    GoAway,
    Limits,
    ModelInfo,
    Pong,
    Prompted,
    PromptInfo,
    ResetNotice,
    ResetReason,
    ServerMessage,
    StoreBack,
    Watching,
    Welcome,
)


def parse_server_message(text: str) -> ServerMessage | None:
    """Read a message of a server; None for a type that this version does not know.

    Raises:
        BadMessageError: not JSON, or a known type with wrong fields.
    """
    values = read_object(text)
    kind = Fields(values, "message").text("type")
    reader = _READERS.get(kind)
    return reader(Fields(values, kind)) if reader else None


def _welcome(values: Fields) -> Welcome:
    return Welcome(
        session=values.text("session"),
        epoch=values.integer("epoch", 1, U32_MAX),
        resumed=values.flag("resumed"),
        next_sequence=values.integer("next_sequence", 1),
        credit=_credit_of(values.inner("credit")),
        heartbeat_ms=values.integer("heartbeat_ms"),
        idle_ms=values.integer("idle_ms"),
        resume_token=values.text("resume_token"),
        resume_ttl_ms=values.integer("resume_ttl_ms"),
        model=_model(values.inner("model")),
        limits=_limits(values.inner("limits")),
        features=values.texts_or_none("features") or (),
        prompts=_prompts_or_none(values),
    )


def _watching(values: Fields) -> Watching:
    return Watching(
        session=values.text("session"),
        epoch=values.integer("epoch", 1, U32_MAX),
        sequence=values.integer("sequence"),
        model=_model(values.inner("model")),
    )


def _credit_of(values: Fields) -> FrameCredit:
    return FrameCredit(values.integer("frames"), values.integer("bytes"))


def _model(values: Fields) -> ModelInfo:
    return ModelInfo(
        name=values.text("name"),
        task=values.text("task"),
        fingerprint=values.text("fingerprint"),
        classes_url=values.text("classes_url"),
        lookahead=values.integer_or_none("lookahead") or 0,
    )


def _prompts_or_none(values: Fields) -> tuple[PromptInfo, ...] | None:
    inners = values.inners_or_none("prompts")
    return None if inners is None else tuple(map(_prompt, inners))


def _prompt(values: Fields) -> PromptInfo:
    return PromptInfo(
        text=values.text("text"),
        class_id=values.integer("class_id", 0, U16_MAX),
        track_ids=values.integers("track_ids", 1, U32_MAX),
    )


def _prompted(values: Fields) -> Prompted:
    prompts = _prompts_or_none(values)
    if prompts is None:
        raise values.wrong("prompts", "a list of objects")
    return Prompted(values.integer("from_sequence", 1), prompts)


def _limits(values: Fields) -> Limits:
    return Limits(
        frame_bytes=values.integer("frame_bytes"),
        frame_pixels=values.integer("frame_pixels"),
        tracks=values.integer("tracks"),
    )


def _reset(values: Fields) -> ResetNotice:
    return ResetNotice(
        epoch=values.integer("epoch", 1, U32_MAX),
        reason=cast(ResetReason, values.choice("reason", RESET_REASONS)),
        next_sequence=values.integer("next_sequence", 1),
    )


def _credit(values: Fields) -> Credit:
    return Credit(
        frames=values.integer("frames"),
        bytes=values.integer("bytes"),
        durable_sequence=values.integer("durable_sequence"),
    )


def _drop(values: Fields) -> Drop:
    return Drop(
        first=values.integer("first", 1),
        last=values.integer("last", 1),
        reason=cast(DropReason, values.choice("reason", DROP_REASONS)),
    )


def _error(values: Fields) -> ErrorMessage:
    return ErrorMessage(
        code=values.text("code"),
        message=values.text("message"),
        retry=values.flag("retry"),
        sequence=values.integer_or_none("sequence"),
        fatal=values.flag("fatal"),
        retry_after_ms=values.integer_or_none("retry_after_ms"),
        expected=values.integer_or_none("expected"),
    )


_READERS: Final[dict[str, Callable[[Fields], ServerMessage]]] = {
    "welcome": _welcome,
    "watching": _watching,
    "reset": _reset,
    "credit": _credit,
    "drop": _drop,
    "goaway": lambda values: GoAway(values.integer("in_ms"), values.text("reason")),
    "flushed": lambda values: Flushed(values.any("id"), values.integer("sequence")),
    "prompted": _prompted,
    "pong": lambda values: Pong(values.any("id")),
    "error": _error,
    "store_back": lambda values: StoreBack(),
}
