"""Rules as a session or a video applies them: checked against its model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Self

from maskstream_model.port import ModelInfo
from maskstream_protocol.rules import Rule, check_rules
from maskstream_server.events.regions import CroppedMask, Measure, beside_line, in_zone

DEFAULT_FPS: Final = 30.0
HYSTERESIS: Final = 0.1
"""A mask is out of a zone once its share has fallen so far below that at which it is in."""


@dataclass(frozen=True)
class BoundRule:
    """A rule whose classes are labels of the model.

    Attributes:
        labels: None: all.
    """

    rule: Rule
    labels: frozenset[int] | None = None

    @property
    def needs_mask(self) -> bool:
        """Whether it looks at where a mask is."""
        return self.rule.zone is not None or self.rule.line is not None

    @property
    def lasts_us(self) -> int:
        """How long what makes the event has to last."""
        return round(1e6 * self.rule.min_duration_s)

    def counts(self, label: int, score: float) -> bool:
        """Return whether an object of this class and score counts."""
        return (self.labels is None or label in self.labels) and score >= self.rule.min_score

    def measure(self, mask: CroppedMask) -> Measure | None:
        """Return where a mask is; None without a region."""
        if self.rule.zone is not None:
            return in_zone(self.rule.zone, mask)
        return None if self.rule.line is None else beside_line(self.rule.line, mask)


@dataclass(frozen=True)
class EventRules:
    """The rules of a session or a video.

    Attributes:
        bound: in the order of the request.
        names: of the model's classes, by label; none where its prompts are its classes.
        fps: of frames without a time.
    """

    bound: tuple[BoundRule, ...] = ()
    names: tuple[str, ...] = ()
    fps: float = DEFAULT_FPS

    @classmethod
    def of(
        cls,
        rules: Sequence[Rule] | None,
        info: ModelInfo,
        classes: Sequence[str] | None = None,
        fps: float | None = None,
    ) -> Self:
        """Bind rules to a model; `classes` are those that results mention, None: all.

        Raises:
            ValueError: a sentence that says which rule cannot be applied, and why.
        """
        if not rules:
            return cls()
        if info.task == "semantic":
            raise ValueError(f"The model {info.name} follows no objects, which rules need.")
        check_rules(rules)
        names = tuple(each.name for each in info.classes or ())
        bind = partial(_bound, names=names, mentioned=classes)
        return cls(tuple(map(bind, rules)), names, fps or DEFAULT_FPS)

    def __bool__(self) -> bool:
        return bool(self.bound)

    @property
    def need_masks(self) -> bool:
        """Whether any of them looks at where masks are."""
        return any(bound.needs_mask for bound in self.bound)

    def name(self, label: int) -> str | None:
        """Return the name of a class, where the model has names."""
        return self.names[label] if label < len(self.names) else None


NO_RULES: Final = EventRules()


def _bound(rule: Rule, names: Sequence[str], mentioned: Sequence[str] | None) -> BoundRule:
    for name in rule.classes or ():
        if name not in names:
            listed = ", ".join(names) or "none, its prompts are its classes"
            raise ValueError(
                f"The rule {rule.name!r} names the class {name!r}; the classes are: {listed}."
            )
        if mentioned is not None and name not in mentioned:
            raise ValueError(
                f"The rule {rule.name!r} names the class {name!r}, which classes leaves out."
            )
    if rule.classes is None:
        return BoundRule(rule)
    labels = (label for label, name in enumerate(names) if name in rule.classes)
    return BoundRule(rule, frozenset(labels))
