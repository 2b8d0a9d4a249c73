"""From one frame to the next: which events its tracks make, and what the rules remember then.

Each rule sees a value of each track (out or in, left or right of its line). Against flicker the
value changes at two thresholds, and counts once it has lasted as long as the rule wants. What is
not seen, or of another class, or below the score changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from maskstream_protocol.rule_events import RuleEvent
from maskstream_protocol.rules import Direction
from maskstream_server.events.memory import COUNTED, NEW, Cell, EventMemory, Key
from maskstream_server.events.observation import Observation, SeenTrack
from maskstream_server.events.rules import HYSTERESIS, BoundRule, EventRules

OUT: Final = 0
IN: Final = 1
LEFT: Final = 1
RIGHT: Final = 2


def step(
    rules: EventRules, memory: EventMemory, seen: Observation
) -> tuple[tuple[RuleEvent, ...], EventMemory]:
    """Return the events of a frame, in the order of rules and tracks, and the memory after it."""
    now_us = memory.clock_at(seen.sequence, seen.pts_us, rules.fps)
    cells = dict(memory.cells)
    events: list[RuleEvent] = []
    for index, bound in enumerate(rules.bound):
        counts = bound.rule.on == "count_above"
        for track in seen.tracks:
            key = (index, track.track_id)
            before = cells.get(key, NEW)
            after = settled(before, _value(bound, index, track, before), now_us, _lasts(bound))
            if not counts and not before.fired and _fires(bound, index, track, before, after):
                after = replace(after, fired=1)
                events.append(_event(rules, bound, track, seen.epoch, after))
            _keep(cells, key, NEW if track.is_gone else after)
        if counts:
            events += _count(bound, index, cells, now_us, seen.epoch)
    return tuple(events), EventMemory(now_us, seen.sequence, seen.pts_us, cells)


def settled(cell: Cell, value: int | None, now_us: int, lasts_us: int) -> Cell:
    """Return the cell after a frame on which it has this value; None: nothing is known."""
    if value is None:
        return cell
    if value != cell.latest:
        cell = replace(cell, latest=value, since_us=now_us)
    lasted = now_us - cell.since_us >= lasts_us
    return replace(cell, settled=value) if lasted else cell


def _lasts(bound: BoundRule) -> int:
    """Return how long a track's value has to last; where tracks are counted, the count has to."""
    return 0 if bound.rule.on == "count_above" else bound.lasts_us


def _keep(cells: dict[Key, Cell], key: Key, cell: Cell) -> None:
    if cell == NEW:
        cells.pop(key, None)
    else:
        cells[key] = cell


def _value(bound: BoundRule, index: int, track: SeenTrack, before: Cell) -> int | None:
    """Return the value of a track on a frame."""
    rule, measure = bound.rule, track.measure(index)
    if not track.is_seen or not bound.counts(track.label, track.score):
        return None
    if not bound.needs_mask:
        return IN
    if measure is None:
        return None
    if rule.line is not None:
        sides = {RIGHT: measure.share, LEFT: measure.other_share}
        return next((side for side, share in sides.items() if share >= rule.share_min), None)
    if measure.share >= rule.share_min:
        return IN
    return OUT if measure.share <= max(0.0, rule.share_min - HYSTERESIS) else before.latest


def _fires(bound: BoundRule, index: int, track: SeenTrack, before: Cell, after: Cell) -> bool:
    """Return whether a track makes the rule's event on this frame."""
    match bound.rule.on:
        case "disappeared":
            return track.is_gone and before.settled == IN
        case "left":
            is_out = track.is_gone or after.settled == OUT
            return is_out and before.settled == IN
        case "crossed":
            measure = track.measure(index)
            crossed = OUT != before.settled != after.settled
            beside = measure is not None and measure.beside
            return crossed and beside and bound.rule.direction in (None, _direction(after))
        case _:
            return before.settled == OUT and after.settled == IN


def _direction(after: Cell) -> Direction:
    return "to_right" if after.settled == RIGHT else "to_left"


def _event(
    rules: EventRules, bound: BoundRule, track: SeenTrack, epoch: int, after: Cell
) -> RuleEvent:
    rule = bound.rule
    return RuleEvent(
        id=f"{epoch}.{rule.name}.{track.track_id}",
        rule=rule.name,
        type=rule.on,
        track_id=track.track_id,
        class_id=track.label,
        label=rules.name(track.label),
        score=round(min(max(track.score, 0.0), 1.0), 4),
        direction=_direction(after) if rule.on == "crossed" else None,
    )


def _count(
    bound: BoundRule, index: int, cells: dict[Key, Cell], now_us: int, epoch: int
) -> Iterator[RuleEvent]:
    """Return the event of a count that has risen above the rule's, and keep where it stands."""
    rule, key = bound.rule, (index, COUNTED)
    tracks = [cell for (of, track), cell in cells.items() if of == index and track != COUNTED]
    count = sum(cell.settled == IN for cell in tracks)
    assert rule.count is not None
    before = cells.get(key, NEW)
    after = settled(before, IN if count > rule.count else OUT, now_us, bound.lasts_us)
    if before.settled == OUT and after.settled == IN:
        after = replace(after, fired=before.fired + 1)
        yield RuleEvent(f"{epoch}.{rule.name}.{after.fired}", rule.name, rule.on, count=count)
    _keep(cells, key, after)
