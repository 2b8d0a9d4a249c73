"""What is asked of traces, whoever keeps them; without a place to send them to, next to nothing.

A connection and a job have a trace each, whose id is in their log lines; of frames only a share
has one. `otel.py` sends them away.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

import structlog

Facts = Mapping[str, str | int | float]
TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


class Trace(Protocol):
    """One piece of work under way; times are seconds of the service's clock."""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits, as log lines carry it."""
        ...

    def note(self, facts: Facts) -> None:
        """Add what has become known of it."""
        ...

    def part(self, name: str, began_s: float, ended_s: float) -> None:
        """Add a part of it that is over."""
        ...

    def end(self, error: str | None = None) -> None:
        """End it now; `error` says in a word why it did not succeed."""
        ...


class Tracing(Protocol):
    """Begins traces."""

    def work(self, name: str, facts: Facts, parent: str | None = None) -> Trace:
        """Begin the trace of a connection or a job.

        Args:
            name: a constant.
            facts: what tells it from others of that name.
            parent: W3C `traceparent` of whoever asked for it, as it came; may be nonsense.
        """
        ...

    def frame(self, began_s: float, facts: Facts, connection: Trace) -> Trace | None:
        """Begin the trace of a frame that came at `began_s`; None for most."""
        ...

    def close(self) -> None:
        """Send what is left; blocking, for a few seconds at most."""
        ...


class Untraced:
    """A trace that nobody keeps: only its id is there, for the log."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id

    def note(self, facts: Facts) -> None:
        """Nothing is kept."""

    def part(self, name: str, began_s: float, ended_s: float) -> None:
        """Nothing is kept."""

    def end(self, error: str | None = None) -> None:
        """Nothing is kept."""


class NoTracing:
    """What serves where no place for traces is configured.

    Args:
        random_bytes: for the ids in the log.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes

    def work(self, name: str, facts: Facts, parent: str | None = None) -> Trace:
        """See `Tracing.work`."""
        ids = read_traceparent(parent)
        return Untraced(ids[0] if ids else self._random_bytes(16).hex())

    def frame(self, began_s: float, facts: Facts, connection: Trace) -> Trace | None:
        """See `Tracing.frame`."""
        return None

    def close(self) -> None:
        """See `Tracing.close`."""


def read_traceparent(header: str | None) -> tuple[str, str] | None:
    """Return the ids of trace and span that a `traceparent` names; None for nonsense."""
    match = TRACEPARENT.fullmatch(header or "")
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return None
    return match[1], match[2]


@contextmanager
def traced(tracing: Tracing, name: str, facts: Facts, parent: str | None = None) -> Iterator[Trace]:
    """Trace a job, and let all log lines within carry the ids; what it raises is its error.

    Args:
        tracing: see `Tracing`.
        name: a constant, such as `video`.
        facts: what tells it from others, such as its id; also in the log lines.
        parent: see `Tracing.work`.
    """
    trace = tracing.work(name, facts, parent)
    with structlog.contextvars.bound_contextvars(trace_id=trace.trace_id, **facts):
        try:
            yield trace
        except BaseException as error:
            trace.end(type(error).__name__)
            raise
        trace.end()
