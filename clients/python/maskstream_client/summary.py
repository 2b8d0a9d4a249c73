"""Counts of a stream and how fast it was."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from maskstream_client.result import Result
from maskstream_protocol.records import Status

_TICK_S: Final = 1e-4


@dataclass
class _Track:
    """What is known of one track. It is seen where it has a mask that is no guess."""

    best_score: float = 0.0
    labels: Counter[str] = field(default_factory=Counter)
    first_frame: int = 0
    last_frame: int = 0
    from_s: float | None = None
    to_s: float | None = None

    def see(self, label: str, result: Result) -> None:
        """Take a frame on which it is seen."""
        if not self.labels:
            self.first_frame, self.from_s = result.frame_index, result.pts_s
        self.last_frame, self.to_s = result.frame_index, result.pts_s
        self.labels[label] += 1

    def report(self, track_id: int) -> dict[str, Any]:
        """Everything, fit for JSON; its name is the most frequent one."""
        ((label, _),) = self.labels.most_common(1)
        return {
            "track_id": track_id,
            "label": label,
            "score": round(self.best_score, 4),
            "first_frame": self.first_frame,
            "last_frame": self.last_frame,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "frames": self.labels.total(),
        }


class StreamSummary:
    """Takes the results of one stream and sums them up, in memory that its length does not fill.

    Args:
        about: what is known of the source, for the report.
        now: a clock in seconds.

    Attributes:
        num_frames: how many were answered.
        show_min: score from which a track is shown.
    """

    def __init__(
        self, about: Mapping[str, Any] | None = None, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._about = dict(about or {})
        self._now = now
        self._began_s = now()
        self._ended_s: float | None = None
        self.show_min = 0.0
        # How many of so many ticks: a camera has no end, and its latencies are much alike.
        self._latencies: Counter[int] = Counter()
        self._tracks: dict[tuple[int, int], _Track] = {}
        self.num_frames = self._num_dropped = self._num_resets = 0
        self._num_emerged = self._num_disappeared = 0

    def begin(self, session: str | None, show_min: float = 0.0) -> None:
        """Count the time from here, where the server has let the stream in."""
        self._about["session"] = session
        self.show_min = show_min
        self._began_s = self._now()

    def end(self) -> None:
        """Count the time until here."""
        self._ended_s = self._now()

    def add(self, result: Result) -> None:
        """Take the answer to the next frame."""
        self.num_frames += 1
        if result.drop_reason is not None:
            self._num_dropped += 1
            return
        self._num_resets += result.reset is not None
        self._latencies[round(result.latency_s / _TICK_S)] += 1
        for item in result.objects:
            track = self._tracks.setdefault((self._num_resets, item.track_id), _Track())
            track.best_score = max(track.best_score, item.score)
            self._num_emerged += item.status is Status.EMERGED
            self._num_disappeared += item.status is Status.DISAPPEARED
        for item in result.visible:
            self._tracks[self._num_resets, item.track_id].see(item.label, result)

    def report(self) -> dict[str, Any]:
        """Everything, fit for JSON; `fps` over the seconds so far, latencies in milliseconds.

        Of the tracks those are shown whose score reached `show_min`; `shown_tracks` says of each
        that was seen what it is and from when to when.
        """
        elapsed_s = (self._now() if self._ended_s is None else self._ended_s) - self._began_s
        shown = {
            key: track
            for key, track in sorted(self._tracks.items())
            if track.best_score >= self.show_min
        }
        return {
            **self._about,
            "frames": self.num_frames,
            "tracks": len(self._tracks),
            "shown": len(shown),
            "emerged": self._num_emerged,
            "disappeared": self._num_disappeared,
            "dropped": self._num_dropped,
            "resets": self._num_resets,
            "seconds": round(elapsed_s, 3),
            "fps": round(self.num_frames / elapsed_s, 2) if elapsed_s > 0 else 0.0,
            "latency_ms": percentiles_ms([ticks * _TICK_S for ticks in self._latencies.elements()]),
            "shown_tracks": [
                track.report(track_id) for (_, track_id), track in shown.items() if track.labels
            ],
        }


def percentiles_ms(times_s: Sequence[float]) -> dict[str, float | None]:
    """The 50th, 95th and 99th percentile of times in seconds, as milliseconds; None of none."""
    if not times_s:
        return {"p50": None, "p95": None, "p99": None}
    values = np.percentile(times_s, (50, 95, 99)) * 1000
    return {
        name: round(float(value), 2)
        for name, value in zip(("p50", "p95", "p99"), values, strict=True)
    }
