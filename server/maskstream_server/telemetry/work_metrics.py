"""What servers and workers count alike: steps of the model, and whole videos."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

JobEnd = Literal["done", "failed", "stopped"]
"""How the work on a video ends here: `stopped` where it was cancelled, is another worker's now, or
this one stops."""


class WorkMetrics:
    """Counts in a registry that is given, never global; it is also the engine's observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._count_steps()
        self._describe_videos()
        self._count_jobs()

    def _count_steps(self) -> None:
        text = "Frames in one step of the model"
        self.batch_frames = self._histogram("batch_frames", text, (1, 2, 4, 8, 16, 32))
        self.busy_s = self._counter("engine_busy_seconds", "Time that the model was stepping")
        self.failed_steps = self._counter("failed_steps", "Frames on which the model failed")
        self.backend = self._gauge(
            "backend", "1 for what computes the model", "backend", "precision", "wanted"
        )

    def _describe_videos(self) -> None:
        self.videos = self._gauge("videos", "Whole videos", "state")
        self.video_silence_s = self._gauge(
            "video_silence_seconds", "Longest time that a running video has made no progress"
        )

    def _count_jobs(self) -> None:
        self.jobs_running = self._gauge("jobs_running", "Videos that this process works on")
        self.jobs = self._counter("jobs", "Videos that this process has let go of", "end")
        self.job_s = self._counter("job_seconds", "Time for which it worked on them")
        for end in get_args(JobEnd):
            self.jobs.labels(end)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"maskstream_{name}", text, labels, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"maskstream_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        name = f"maskstream_{name}"
        return Histogram(name, text, labels, buckets=buckets, registry=self.registry)

    def backend_runs(self, backend: str, precision: str, wanted: str) -> None:
        """Say what computes the model, and what was wanted of it."""
        self.backend.labels(backend, precision, wanted).set(1)

    def batch_done(self, size: int, inference_s: float, waiting_s: Sequence[float]) -> None:
        """Count a step of the engine."""
        self.batch_frames.observe(size)
        self.busy_s.inc(inference_s)

    def step_failed(self, error: Exception) -> None:
        """Count a frame on which the model raised."""
        self.failed_steps.inc()

    def count_videos(self, states: Mapping[str, int], silence_s: float) -> None:
        """Set how many videos are in each state, and how long a running one has been silent."""
        for state, count in states.items():
            self.videos.labels(state).set(count)
        self.video_silence_s.set(silence_s)

    def job_begun(self) -> None:
        """Count a job that begins here."""
        self.jobs_running.inc()

    def job_ended(self, end: JobEnd, seconds: float) -> None:
        """Count a job that has ended here."""
        self.jobs_running.dec()
        self.jobs.labels(end).inc()
        self.job_s.inc(seconds)
