"""Events that rules make of results: what a RESULT carries of them (docs/protocol.md 10)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from maskstream_protocol.errors import BadMessageError, MalformedResultError
from maskstream_protocol.fields import U16_MAX, U32_MAX, Between, read_fields
from maskstream_protocol.rules import Direction, EventType


@dataclass(frozen=True)
class RuleEvent:
    """What a rule has found.

    Attributes:
        id: unique in its session or video; the same where the event is made again.
        rule, type: name and `on` of the rule.
        track_id, class_id, score: of its object; None for `count_above`.
        label: name of the class, where the model has names.
        direction: of `crossed`.
        count: of `count_above`: how many there are.
    """

    id: str
    rule: str
    type: EventType
    track_id: Annotated[int, Between(1, U32_MAX)] | None = None
    class_id: Annotated[int, Between(0, U16_MAX)] | None = None
    label: str | None = None
    score: Annotated[float, Between(0, 1)] | None = None
    direction: Direction | None = None
    count: Annotated[int, Between(0, U32_MAX)] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return its fields, without those that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def encode_events(events: Sequence[RuleEvent]) -> bytes:
    """Return events as a RESULT carries them: a JSON list in UTF-8; nothing for none."""
    values = [event.to_json() for event in events]
    return json.dumps(values, separators=(",", ":")).encode() if values else b""


def decode_events(data: bytes) -> tuple[RuleEvent, ...]:
    """Read what `encode_events` wrote.

    Raises:
        MalformedResultError: it is something else.
    """
    try:
        values = json.loads(data) if data else []
        if not all(isinstance(value, dict) for value in values):
            raise ValueError
        return tuple(read_fields(RuleEvent, value, "event") for value in values)
    except (ValueError, TypeError, RecursionError, BadMessageError) as error:
        raise MalformedResultError(f"The events of the result cannot be read: {error}.") from error
