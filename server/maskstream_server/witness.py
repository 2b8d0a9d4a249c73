"""What one connection's frames go through, as seen from outside: counted, timed, judged late."""

from dataclasses import dataclass
from typing import Any

from maskstream_protocol.notices import Drop, ErrorMessage, ServerMessage
from maskstream_server.actions import Answer
from maskstream_server.engine_types import EngineResult
from maskstream_server.metrics import Stage, late_by
from maskstream_server.service import Service


@dataclass(frozen=True)
class Departing:
    """A result that waits for its client to read; times are those of the service's clock."""

    message: bytes
    sequence: int
    arrived_s: float
    ready_s: float


class Witness:
    """Looks at one connection; no call takes any time to speak of, or raises."""

    def __init__(self, service: Service) -> None:
        self._metrics = service.metrics
        self._late_s = service.settings.late_s
        self.clock = service.clock
        self._num_behind = 0

    def received(self, num_bytes: int) -> None:
        """See a frame come in, before anybody has looked at it."""
        self._metrics.received.inc()
        self._metrics.received_bytes.inc(num_bytes)

    def part(self, sequence: int, stage: Stage, began_s: float) -> float:
        """See a part of a frame's way end now; returns its seconds."""
        took_s = self.clock() - began_s
        self._metrics.stage(stage, took_s)
        return took_s

    def stepped(self, sequence: int, result: EngineResult[Any]) -> None:
        """See a frame come back from the engine, which itself tells of waiting and inference."""
        self._metrics.stage("postprocess", result.postprocess_s)
        self._metrics.refused_newcomers.inc(result.num_refused)

    def answered(self, answer: Answer) -> Departing:
        """See a result that is ready to go."""
        return Departing(answer.message, answer.sequence, answer.arrived_s, self.clock())

    def left(self, result: Departing) -> None:
        """See a result that the client's connection has taken."""
        now_s = self.clock()
        self.part(result.sequence, "send", result.ready_s)
        self._metrics.results.inc()
        self._metrics.sent_bytes.inc(len(result.message))
        self._metrics.frame_s.observe(now_s - result.arrived_s)
        cause = late_by(result.arrived_s, result.ready_s, now_s, self._late_s)
        if cause is not None:
            self._metrics.late.labels(cause).inc()

    def said(self, message: ServerMessage) -> None:
        """See a message that is no result."""
        if isinstance(message, ErrorMessage):
            self._metrics.errors.labels(message.code).inc()
        elif isinstance(message, Drop):
            self._metrics.drops.labels(message.reason).inc(message.last - message.first + 1)

    def behind(self, num_commits: int) -> None:
        """See how many commits wait for the store."""
        self._metrics.commits_behind.inc(num_commits - self._num_behind)
        self._num_behind = num_commits
