"""Prometheus metrics with their units in their names; the registry is given, never global."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """What the server counts; it is also the engine's observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.live_sessions = Gauge(
            "maskstream_sessions_live", "Sessions with a connection", registry=registry
        )
        self.refused_sessions = Counter(
            "maskstream_sessions_refused", "Connections closed before welcome", registry=registry
        )
        self.results = Counter("maskstream_results", "Frames with a result", registry=registry)
        self.drops = Counter(
            "maskstream_drops", "Frames without a result", ["reason"], registry=registry
        )
        self.errors = Counter(
            "maskstream_errors", "Errors told to clients", ["code"], registry=registry
        )
        self.refused_newcomers = Counter(
            "maskstream_refused_newcomers",
            "New tracks that max_tracks kept out",
            registry=registry,
        )
        self.stage_s = Histogram(
            "maskstream_stage_seconds",
            "Time of a frame in one part of the server",
            ["stage"],
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.frame_s = Histogram(
            "maskstream_frame_seconds",
            "Time from a frame's arrival until its result leaves",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.batch_frames = Histogram(
            "maskstream_batch_frames",
            "Frames in one step of the model",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=registry,
        )
        self.waiting_frames = Gauge(
            "maskstream_engine_waiting_frames", "Frames in the engine's queue", registry=registry
        )
        self.failed_steps = Counter(
            "maskstream_failed_steps", "Frames on which the model failed", registry=registry
        )
        self.commit_bytes = Histogram(
            "maskstream_commit_bytes",
            "Bytes of memory and results in one commit",
            buckets=(1024, 4096, 16384, 65536, 262144, 1048576),
            registry=registry,
        )
        self.sessions_without_store = Gauge(
            "maskstream_sessions_without_store",
            "Sessions whose commits do not work now",
            registry=registry,
        )

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        """Hear of a step of the engine."""
        self.batch_frames.observe(size)
        for seconds in waiting_s:
            self.stage_s.labels("wait").observe(seconds)
        self.stage_s.labels("inference").observe(inference_s)

    def step_failed(self, error: Exception) -> None:
        """Hear that the model raised on one frame."""
        self.failed_steps.inc()

    def queue_length(self, waiting: int) -> None:
        """Hear how many frames wait in the engine."""
        self.waiting_frames.set(waiting)
