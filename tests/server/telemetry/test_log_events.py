"""A law of the source: what is logged is a short constant phrase, with keys beside it."""

import ast
import re
from pathlib import Path

import maskstream_server

LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
PHRASE = re.compile(r"[a-z]+(_[a-z]+)*")


def logged() -> list[tuple[str, ast.expr | None]]:
    """Each call of a logger, with the place and its event."""
    calls = []
    for path in Path(maskstream_server.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            speaker = ast.unparse(node.func.value)
            if node.func.attr in LEVELS and ("log" in speaker.lower()):
                event = node.args[0] if node.args else None
                calls.append((f"{path.name}:{node.lineno}", event))
    return calls


def test_events_are_constant_phrases():
    calls = logged()
    assert len(calls) > 10
    for place, event in calls:
        assert isinstance(event, ast.Constant), place
        assert PHRASE.fullmatch(event.value), f"{place}: {event.value!r}"
