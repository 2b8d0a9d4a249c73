"""Prometheus metrics with their units in their names; the registry is given, never global.

What happens is counted here, and in `work_metrics.py` what workers count too; what is so at the
moment of a scrape is read by `readings.py`, and the store's commands are timed by
`stores/measured.py`.
"""

from collections.abc import Sequence
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry

from maskstream_protocol.errors import WireError
from maskstream_protocol.notices import DropReason
from maskstream_server.pictures.worker import Death
from maskstream_server.telemetry.work_metrics import WorkMetrics

Stage = Literal["decode", "wait", "inference", "postprocess", "encode", "send"]
Cause = Literal["client", "engine"]

LATENCY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def late_by(arrived_s: float, ready_s: float, sent_s: float, limit_s: float) -> Cause | None:
    """Return who made a result late; None where it left within `limit_s` of its frame's arrival.

    The engine, where most of the time passed before the result was ready; the client, where most
    of it passed while the result waited for the client to read.
    """
    if sent_s - arrived_s <= limit_s:
        return None
    return "client" if sent_s - ready_s > ready_s - arrived_s else "engine"


class Metrics(WorkMetrics):
    """What a server counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
        self._count_sessions()
        self._count_frames()
        self._time_frames()
        self._count_commits()
        self._count_deaths()

    def _count_sessions(self) -> None:
        self.live_sessions = self._gauge("sessions_live", "Sessions with a connection")
        self.free_slots = self._gauge("slots_free", "Sessions that could still begin")
        self.packet_sessions = self._gauge(
            "packet_sessions", "Sessions that send units, each with a decoding process of its own"
        )
        self.refused_sessions = self._counter(
            "sessions_refused", "Connections closed before welcome"
        )
        self.errors = self._counter("errors", "Errors sent to clients", "code")
        for error in WireError.__subclasses__():
            self.errors.labels(error.code)

    def _count_deaths(self) -> None:
        self.decoder_deaths = self._counter(
            "decoder_deaths", "Decoding processes that did not survive a picture", "cause"
        )
        for cause in get_args(Death):
            self.decoder_deaths.labels(cause)

    def decoder_died(self, cause: Death) -> None:
        """Count a decoding process that is gone."""
        self.decoder_deaths.labels(cause).inc()

    def _count_frames(self) -> None:
        self.received = self._counter("frames_received", "Frames that clients sent")
        self.received_bytes = self._counter("received_bytes", "Bytes of these frames")
        self.primed = self._counter(
            "units_decoded_again", "Units that clients sent for the decoder only, after a resume"
        )
        self.results = self._counter("results", "Frames with a result that has left")
        self.sent_bytes = self._counter("sent_bytes", "Bytes of these results")
        self.drops = self._counter("drops", "Frames without a result", "reason")
        self.late = self._counter(
            "late_results",
            "Results that left later than MASKSTREAM_LATE_S, by who was slow",
            "cause",
        )
        for reason in get_args(DropReason):
            self.drops.labels(reason)
        for cause in get_args(Cause):
            self.late.labels(cause)
        self.refused_newcomers = self._counter(
            "refused_newcomers", "New tracks that max_tracks kept out"
        )

    def _time_frames(self) -> None:
        text = "Time of a frame in one part of the server"
        self.stage_s = self._histogram("stage_seconds", text, LATENCY_S, "stage")
        # Looked up once: this is asked for several times a frame.
        self._stages = {stage: self.stage_s.labels(stage) for stage in get_args(Stage)}
        text = "Time from a frame's arrival until its result has left"
        self.frame_s = self._histogram("frame_seconds", text, LATENCY_S)

    def _count_commits(self) -> None:
        self.commit_bytes = self._histogram(
            "commit_bytes",
            "Bytes of memory and results in one commit",
            (1024, 4096, 16384, 65536, 81920, 262144, 1048576),
        )
        self.commits_behind = self._gauge(
            "commits_behind", "Commits that sessions wait for, merged ones counted singly"
        )
        self.sessions_without_store = self._gauge(
            "sessions_without_store", "Sessions whose commits do not work now"
        )

    def sessions(self, present: int, max_sessions: int) -> None:
        """Set the number of sessions that have a connection."""
        self.live_sessions.set(present)
        self.free_slots.set(max_sessions - present)

    def stage(self, stage: Stage, seconds: float) -> None:
        """Observe the time of one stage for one frame."""
        self._stages[stage].observe(seconds)

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        """Count a step of the engine."""
        super().batch_done(size, inference_s, waiting_s)
        for seconds in waiting_s:
            self.stage("wait", seconds)
            self.stage("inference", inference_s)
