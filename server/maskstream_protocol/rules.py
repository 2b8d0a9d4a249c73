"""Rules that make events of results, as clients send them (docs/events.md), and their checks.

Points are shares of the picture's width and height: (0, 0) is its top left corner, (1, 1) the
bottom right one, so that a rule fits frames and masks of any size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Final, Literal

from maskstream_protocol.errors import BadMessageError
from maskstream_protocol.fields import U32_MAX, Between, Checked, read_fields

EventType = Literal["emerged", "disappeared", "entered", "left", "crossed", "dwelt", "count_above"]
Direction = Literal["to_left", "to_right"]

MAX_RULES: Final = 32
MAX_CORNERS: Final = 64
MAX_DURATION_S: Final = 86400.0
ZONE_SHARE: Final = 0.5
LINE_SHARE: Final = 0.6
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

_NEEDS: Final[Mapping[EventType, tuple[str, ...]]] = {
    "emerged": (),
    "disappeared": (),
    "entered": ("zone",),
    "left": ("zone",),
    "crossed": ("line",),
    "dwelt": ("min_duration_s",),
    "count_above": ("count",),
}
_TAKES: Final[Mapping[EventType, tuple[str, ...]]] = {
    "emerged": (),
    "disappeared": (),
    "entered": ("share",),
    "left": ("share",),
    "crossed": ("share", "direction"),
    "dwelt": ("zone", "share"),
    "count_above": ("zone", "share"),
}
_OF_SOME: Final = ("zone", "line", "share", "direction", "count")
"""Fields that not every rule takes."""


def _point(value: tuple[float, ...]) -> tuple[float, ...]:
    if len(value) != 2:
        raise ValueError(value)
    return value


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError(value)
    return value


Point = Annotated[tuple[float, ...], Checked(_point, "a point of two numbers, x and y")]
RuleName = Annotated[str, Checked(_name, "1 to 64 of A-Z, a-z, 0-9, - and _")]
Share = Annotated[float, Between(0, 1)]


@dataclass(frozen=True)
class Rule:
    """One rule; it fires once for each track, `count_above` each time that the count has risen.

    Attributes:
        name: unique among the rules of a request.
        on: what makes an event.
        zone: corners of a polygon that does not cross itself.
        line: its start and its end. Left and right are those of someone who walks along it.
        share: how much of a mask makes it be in the zone (default 0.5), or on one side of the
            line (default 0.6, above 0.5).
        direction: of `crossed`; None: both.
        count: of `count_above`: more tracks than these.
        classes: names of the classes that count; None: all.
        min_score: results below it do not count.
        min_duration_s: how long what makes the event has to last.
    """

    name: RuleName
    on: EventType
    zone: tuple[Point, ...] | None = None
    line: tuple[Point, ...] | None = None
    share: Share | None = None
    direction: Direction | None = None
    count: Annotated[int, Between(0, U32_MAX)] | None = None
    classes: tuple[str, ...] | None = None
    min_score: Annotated[float, Between(0, 1)] = 0.0
    min_duration_s: Annotated[float, Between(0, MAX_DURATION_S)] = 0.0

    @property
    def share_min(self) -> float:
        """`share`, or its default."""
        if self.share is not None:
            return self.share
        return LINE_SHARE if self.line else ZONE_SHARE


def read_rules(values: Any, owner: str = "rules") -> tuple[Rule, ...]:
    """Read rules from a JSON value and check them.

    Raises:
        ValueError: it is no list of rules; the text says what is wrong where.
    """
    if not (isinstance(values, list) and all(isinstance(each, dict) for each in values)):
        raise ValueError(f"{owner} must be a list of objects.")
    try:
        rules = tuple(
            read_fields(Rule, value, f"{owner}[{index}]") for index, value in enumerate(values)
        )
    except BadMessageError as error:
        raise ValueError(error.message) from None
    check_rules(rules)
    return rules


def check_rules(rules: Sequence[Rule]) -> None:
    """Check rules as far as that needs no model.

    Raises:
        ValueError: a sentence on the first thing that is wrong.
    """
    if len(rules) > MAX_RULES:
        raise ValueError(f"There are {len(rules)} rules; {MAX_RULES} are the most.")
    names = [rule.name for rule in rules]
    for rule in rules:
        if names.count(rule.name) > 1:
            raise ValueError(f"Two rules are called {rule.name!r}; each needs its own name.")
        for wrong in _faults(rule):
            raise ValueError(f"The rule {rule.name!r} {wrong}.")


def _faults(rule: Rule) -> Iterator[str]:
    needs, takes = _NEEDS[rule.on], _TAKES[rule.on]
    for field in needs:
        value = getattr(rule, field)
        if value is None or (field == "min_duration_s" and value == 0):
            yield f"on {rule.on!r} needs {field}"
    for field in _OF_SOME:
        if getattr(rule, field) is not None and field not in (*needs, *takes):
            yield f"on {rule.on!r} takes no {field}"
    if rule.share is not None and not (rule.zone or rule.line):
        yield "has a share and no zone that it is of"
    yield from _wrong_region(rule)


def _wrong_region(rule: Rule) -> Iterator[str]:
    zone, line = rule.zone, rule.line
    for point in (*(zone or ()), *(line or ())):
        if not all(0 <= value <= 1 for value in point):
            shown = ", ".join(f"{value:g}" for value in point)
            yield f"has the point ({shown}) outside the picture: x and y go from 0 to 1"
    if zone is not None and not 3 <= len(zone) <= MAX_CORNERS:
        yield f"has a zone of {len(zone)} corners; 3 to {MAX_CORNERS} are possible"
    if zone is not None and crosses_itself(zone):
        yield "has a zone that crosses or touches itself"
    if zone is not None and rule.share == 0:
        yield "has a share of 0; in a zone it is above 0"
    if line is not None and (len(line) != 2 or line[0] == line[1]):
        yield "needs two different points for its line"
    if line is not None and rule.share_min <= 0.5:
        yield f"has a share of {rule.share:g}; at a line it is above 0.5"


def crosses_itself(corners: Sequence[Sequence[float]]) -> bool:
    """Return whether two sides of a polygon meet anywhere but in the corner that they share."""
    num = len(corners)
    sides = [(corners[each], corners[(each + 1) % num]) for each in range(num)]
    for (i, one), (j, other) in combinations(enumerate(sides), 2):
        if j - i == 1:
            crosses = _turns_back(*one, other[1])
        elif j - i == num - 1:
            crosses = _turns_back(*other, one[1])
        else:
            crosses = _meet(*one, *other)
        if crosses:
            return True
    return False


def _meet(a: Sequence[float], b: Sequence[float], c: Sequence[float], d: Sequence[float]) -> bool:
    """Return whether the segments a-b and c-d have a point in common."""
    parted = _turn(a, b, c) * _turn(a, b, d) > 0 or _turn(c, d, a) * _turn(c, d, b) > 0
    boxes_meet = all(
        max(min(a[axis], b[axis]), min(c[axis], d[axis]))
        <= min(max(a[axis], b[axis]), max(c[axis], d[axis]))
        for axis in (0, 1)
    )
    return boxes_meet and not parted


def _turns_back(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> bool:
    """Return whether the side b-c lies on a-b, or one of them has no length."""
    onward = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return _turn(a, b, c) == 0 and onward <= 0


def _turn(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> float:
    """Return the cross product of a-b and a-c: its sign is the side of a-b that c is on."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
