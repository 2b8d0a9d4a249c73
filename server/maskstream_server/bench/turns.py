"""A session that streams at a pace, and what each of its frames took and cost."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

import numpy as np

from maskstream_protocol.messages import MaskFormat
from maskstream_server.bench.client import BenchClient, Step
from maskstream_server.bench.servers import BenchServer

WARM_UP_FRAMES: Final = 10


@dataclass(frozen=True)
class Pace:
    """How much is streamed: `rounds` of `frames` to each store, at `fps` or flat out (None)."""

    rounds: int
    frames: int
    fps: float | None


class Turns:
    """One session on one server, which streams when it is its turn.

    Args:
        server: a running one.
        masks: how its results carry masks.
    """

    def __init__(self, server: BenchServer, masks: MaskFormat = "rle") -> None:
        self.client = BenchClient(server.stream_url, masks=masks)
        self._server = server
        self._rounds: list[list[Step]] = []
        self._before: dict[str, float] = {}

    def warm_up(self, pictures: Sequence[bytes]) -> None:
        """Stream a little; what follows is counted."""
        for picture in islice(cycle(pictures), WARM_UP_FRAMES):
            self.client.step(picture)
        self.client.settle()
        self._before = self._server.metrics()

    def take(self, pictures: Sequence[bytes], pace: Pace) -> None:
        """Stream one round, one frame at a time, until all of it is durable."""
        began_s = time.perf_counter()
        steps = []
        for number, picture in enumerate(islice(cycle(pictures), pace.frames)):
            if pace.fps is not None:
                time.sleep(max(0.0, began_s + number / pace.fps - time.perf_counter()))
            steps.append(self.client.step(picture))
        self.client.settle()
        self._rounds.append(steps)

    @property
    def times_s(self) -> list[list[float]]:
        """Seconds of each frame, round by round."""
        return [[step.took_s for step in steps] for steps in self._rounds]

    def per_frame(self) -> dict[str, float]:
        """Return what a frame costs: milliseconds of CPU, bytes committed and bytes of result."""
        after, before = self._server.metrics(), self._before
        counted = {name: value - before.get(name, 0.0) for name, value in after.items()}
        results = [step.result_bytes for steps in self._rounds for step in steps]
        commits = max(1.0, counted["maskstream_commit_bytes_count"])
        return {
            "server_cpu_ms": round(1000 * counted["process_cpu_seconds_total"] / len(results), 2),
            "commit_bytes": round(counted["maskstream_commit_bytes_sum"] / commits),
            "of_which_result": round(float(np.mean(results))),
        }


def percentiles_ms(times_s: Sequence[float]) -> dict[str, float]:
    """Return median, 95th percentile and largest in milliseconds, and how many there are."""
    p50, p95, largest = np.percentile(times_s, [50, 95, 100]) * 1000
    return {
        "p50": round(float(p50), 2),
        "p95": round(float(p95), 2),
        "largest": round(float(largest), 2),
        "n": len(times_s),
    }
