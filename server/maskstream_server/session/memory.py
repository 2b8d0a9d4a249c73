"""What a session remembers beside the model's state, as parts for the store and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from maskstream_protocol.rules import Rule, read_rules
from maskstream_server.events.memory import NO_EVENTS, EventMemory, read_event_memory
from maskstream_server.events.rules import NO_RULES, EventRules
from maskstream_server.session.prompts import NO_PROMPTS, SessionPrompts

MODEL_PREFIX = "model/"
SESSION_PART = "session"
RULES_PART = "rules"
EVENTS_PART = "events"
SCHEMA = 3
SCHEMA_WITH_RULES = 4
"""A server that knows no rules would drop them: it must not take such a session up."""


class MemoryDamagedError(Exception):
    """The stored part cannot be read: the session's memory is lost."""


@dataclass(frozen=True)
class SessionMemory:
    """The answered memory of a session: everything up to `sequence` is answered or dropped.

    Attributes:
        epoch: from 1, one more with each reset.
        sequence: last answered frame, 0 for none.
        last_result: last frame of the session that had a result, 0 for none.
        epoch_began: whether a result of this epoch has gone out.
        mentioned: tracks that the client knows and that have not disappeared.
        model_parts: the model's memory as it names its parts; none before the epoch's first frame.
        prompts: those that the last frame was stepped with.
        classes: of the tracks in `mentioned`, as of the last result.
        reported: the classes that are mentioned; None: all.
        rules, fps: what makes events of results, and how many frames without a time are a second.
        webhook: address that events are sent to.
        events: what the rules remember after frame `last_result`.
    """

    epoch: int = 1
    sequence: int = 0
    last_result: int = 0
    epoch_began: bool = False
    mentioned: frozenset[int] = frozenset()
    model_parts: Mapping[str, bytes] = field(default_factory=dict)
    fingerprint: str = ""
    prompts: SessionPrompts = NO_PROMPTS
    classes: Mapping[int, int] = field(default_factory=dict)
    reported: frozenset[int] | None = None
    rules: tuple[Rule, ...] = ()
    fps: float | None = None
    webhook: str | None = None
    events: EventMemory = NO_EVENTS

    def reporting(self, reported: frozenset[int] | None) -> Self:
        """Return it for a client that wants these classes mentioned; None: all.

        Tracks of others are known no more. Beside the same classes as before, all stay known: a
        track may have changed its class since it was first mentioned.
        """
        if reported == self.reported:
            return self
        left = self.mentioned
        if reported is not None:
            left = frozenset(track for track in left if self.classes.get(track) in reported)
        return replace(self, mentioned=left, reported=reported)

    def to_parts(self) -> dict[str, bytes]:
        """Return the named parts of which a commit writes those that have changed."""
        fields: dict[str, Any] = {
            "schema": SCHEMA_WITH_RULES if self.rules else SCHEMA,
            "fingerprint": self.fingerprint,
            "last_result": self.last_result,
            "epoch_began": self.epoch_began,
            "mentioned": sorted(self.mentioned),
            "classes": sorted(self.classes.items()),
            "reported": None if self.reported is None else sorted(self.reported),
        }
        if self.prompts.texts:
            fields["texts"], fields["wanted"] = self.prompts.texts, self.prompts.wanted
        parts = {SESSION_PART: json.dumps(fields, separators=(",", ":")).encode()}
        if self.rules:
            rules: dict[str, Any] = {"rules": [asdict(rule) for rule in self.rules]}
            rules |= {"fps": self.fps, "webhook": self.webhook}
            parts[RULES_PART] = json.dumps(rules, separators=(",", ":")).encode()
            parts[EVENTS_PART] = self.events.to_bytes()
        return parts | {MODEL_PREFIX + name: blob for name, blob in self.model_parts.items()}


@dataclass(frozen=True)
class Beginning:
    """State from which a connection resumes its session.

    Attributes:
        memory: after the last answered frame.
        state: of the model; None before the epoch's first frame.
        index: last frame that `state` holds, as the model counts.
        kept: sequences of the results that the store keeps, in order.
        rules: those of the memory, bound to the model.
    """

    memory: SessionMemory = field(default_factory=SessionMemory)
    state: Any = None
    index: int = 0
    kept: tuple[int, ...] = ()
    rules: EventRules = NO_RULES


def read_memory(
    epoch: int, sequence: int, parts: Mapping[str, bytes], fingerprint: str
) -> SessionMemory:
    """Read what `to_parts` wrote; no parts at all are a session that has committed nothing.

    `fingerprint` is that of the model which would then begin.

    Raises:
        MemoryDamagedError: a part is missing, unreadable, or of another schema.
    """
    if not parts:
        return SessionMemory(epoch, sequence, sequence, fingerprint=fingerprint)
    try:
        fields = json.loads(parts[SESSION_PART])
        if fields["schema"] not in (SCHEMA, SCHEMA_WITH_RULES):
            raise MemoryDamagedError(f"schema {fields['schema']} is not {SCHEMA}")
        rules = json.loads(parts[RULES_PART]) if RULES_PART in parts else {"rules": []}
        return SessionMemory(
            epoch=epoch,
            sequence=sequence,
            last_result=int(fields["last_result"]),
            epoch_began=bool(fields["epoch_began"]),
            mentioned=frozenset(int(track) for track in fields["mentioned"]),
            model_parts={
                name.removeprefix(MODEL_PREFIX): blob
                for name, blob in parts.items()
                if name.startswith(MODEL_PREFIX)
            },
            fingerprint=str(fields["fingerprint"]),
            prompts=_prompts(fields),
            classes={int(track): int(label) for track, label in fields.get("classes", ())},
            reported=_labels(fields.get("reported")),
            rules=read_rules(rules["rules"]),
            fps=rules.get("fps"),
            webhook=rules.get("webhook"),
            events=read_event_memory(parts[EVENTS_PART]) if rules["rules"] else NO_EVENTS,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise MemoryDamagedError(str(error)) from error


def _labels(labels: Sequence[Any] | None) -> frozenset[int] | None:
    return None if labels is None else frozenset(map(int, labels))


def _prompts(fields: Mapping[str, Any]) -> SessionPrompts:
    texts = tuple(str(text) for text in fields.get("texts", ()))
    wanted = tuple(int(class_id) for class_id in fields.get("wanted", ()))
    if not all(0 <= class_id < len(texts) for class_id in wanted):
        raise MemoryDamagedError("a prompt has no text")
    return SessionPrompts(texts, wanted)
