"""What a store costs a stream: `python tests/bench/store_cost.py`, with a redis-server at hand.

The model does nothing but take its time; its memory is that of the released presets with twenty
tracks, of which a frame changes what it changes there: all queries and positions, and one
appearance of each track. Rounds with both stores take turns, so that a busy machine is busy for
both; the CPU time of this process (client and servers, not Redis) hardly depends on that.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests"))

from maskstream_model.daq.state import TrackerState  # noqa: E402
from maskstream_model.daq.state_codec import state_from_bytes, state_to_bytes  # noqa: E402
from maskstream_model.presets import preset  # noqa: E402
from support.redis_server import running_redis  # noqa: E402
from support.server import FakeModel, LiveServer, running_server  # noqa: E402
from support.wire_client import WireClient  # noqa: E402


class TwentyTracks(FakeModel):
    """The fake model with a memory of `num_tracks` tracks; one session at a time."""

    def __init__(self, name: str, num_tracks: int, step_s: float) -> None:
        super().__init__(step_s=step_s)
        self.real = preset(name)
        self.num_tracks = num_tracks

    def initial_state(self) -> TrackerState:
        count, dim = self.num_tracks, self.real.segmenter.hidden_dim
        window, classes = self.real.online.appearance_window, self.real.num_classes
        return TrackerState(
            queries=torch.rand(count, dim),
            positions=torch.rand(count, dim),
            history=torch.rand(count, window, dim),
            logit_sums=torch.rand(count, classes + 1),
            track_ids=torch.arange(1, count + 1),
            birth_frames=torch.zeros(count, dtype=torch.int64),
            missed_frames=torch.zeros(count, dtype=torch.int64),
            num_appearances=torch.full((count,), window),
            num_frames=window,
            next_track_id=count + 1,
        )

    def step(self, frame, state, max_tracks=None):
        output, _ = super().step(frame, state.num_frames)
        history = state.history.clone()
        history[:, state.num_frames % history.shape[1]] = torch.rand(history[:, 0].shape)
        return output, replace(
            state,
            queries=torch.rand(state.queries.shape),
            positions=torch.rand(state.positions.shape),
            history=history,
            logit_sums=state.logit_sums + 1,
            num_appearances=state.num_appearances + 1,
            num_frames=state.num_frames + 1,
        )

    def state_to_bytes(self, state):
        return state_to_bytes(state, self.fingerprint)

    def state_from_bytes(self, blob):
        return state_from_bytes(blob, self.real, self.fingerprint, torch.device("cpu"))


def stream(client: WireClient, num_frames: int, fps: float | None) -> list[float]:
    """Milliseconds of each frame, one at a time, at a camera's pace or flat out."""
    took_ms = []
    first_s = time.perf_counter()
    for number in range(num_frames):
        if fps is not None:
            time.sleep(max(0.0, first_s + number / fps - time.perf_counter()))
        began_s = time.perf_counter()
        client.step()
        took_ms.append(1000 * (time.perf_counter() - began_s))
    return took_ms


def bytes_per_commit(live: LiveServer) -> float:
    return live.metric("maskstream_commit_bytes_sum") / live.metric("maskstream_commit_bytes_count")


def takeover_ms(first: LiveServer, second: LiveServer, rounds: int) -> list[float]:
    """Milliseconds from hello to welcome, each time on the other server."""
    took_ms = []
    client = WireClient(first.ws_url)
    for number in range(rounds):
        client.step()
        client.until(lambda client=client: client.durable == client.sequence)
        client.close()
        live = (second, first)[number % 2]
        client = WireClient(live.ws_url, resume=client.resume())
        assert client.welcome["resumed"]
        took_ms.append(1000 * client.welcomed_after_s)
    client.close()
    return took_ms


def percentiles(values: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "n": len(values)}


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Stream through both stores in turns, then go from server to server."""

    def model() -> TwentyTracks:
        return TwentyTracks(options.preset, options.tracks, options.step_ms / 1000)

    took: dict[str, list[float]] = {"memory": [], "redis": []}
    cpu_ms: dict[str, list[float]] = {"memory": [], "redis": []}
    with (
        tempfile.TemporaryDirectory() as folder,
        running_redis(Path(folder)) as redis,
        running_server(model()) as plain,
        running_server(model(), store=redis.url) as first,
        running_server(model(), store=redis.url) as second,
        WireClient(plain.ws_url) as without,
        WireClient(first.ws_url) as client,
    ):
        for _ in range(options.rounds):
            for name, each in (("memory", without), ("redis", client)):
                began_s = time.process_time()
                took[name] += stream(each, options.frames, options.fps)
                busy_s = time.process_time() - began_s
                cpu_ms[name].append(1000 * busy_s / options.frames)
        per_commit = bytes_per_commit(first)
        takeovers = takeover_ms(first, second, 2 * options.rounds)
    return {
        "latency_ms": {name: percentiles(values) for name, values in took.items()},
        "cpu_ms_per_frame": {
            name: round(float(np.median(each)), 2) for name, each in cpu_ms.items()
        },
        "state_bytes_whole": len(model().state_to_bytes(model().initial_state())),
        "commit_bytes_mean": round(per_commit),
        "of_which_result": len(client.results[1].encode()),
        "takeover_ms": percentiles(takeovers),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="daq_r50_ovis")
    parser.add_argument("--tracks", type=int, default=20)
    parser.add_argument("--step-ms", type=float, default=5.0)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--fps", type=float, help="pace [default: flat out]")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(json.dumps({"asked": vars(options), **measure(options)}, indent=1))


if __name__ == "__main__":
    main()
