"""Draws docs/images/dashboard.png: the Grafana dashboard's own queries, asked under a real load.

Two servers with the demo model, one Redis and one Prometheus run here; clients stream and upload,
meanwhile a server and Redis are killed. What Prometheus then answers to each panel's queries is
drawn with matplotlib, in the dashboard's layout: Grafana itself is not needed.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

SCRAPE_S = 2.0


def main() -> None:
    """Run the load, then draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, help="what is streamed and uploaded")
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--fps", type=float, default=3.0, help="of each of the three streams")
    parser.add_argument("--out", type=Path, default=CHECKOUT / "docs/images/dashboard.png")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maskstream-dashboard-") as folder:
        run(Path(folder), asked.video, 60 * asked.minutes, asked.fps, asked.out)


def run(folder: Path, video: Path, seconds: float, fps: float, out: Path) -> None:
    """Bring everything up, let it happen, ask Prometheus and draw."""
    from support.dashboard import Span, lines, panels
    from support.dashboard_drawing import draw
    from support.prometheus import prometheus
    from support.redis_server import RedisServer, redis_binary
    from support.serving import server_processes

    with ExitStack() as stack:
        redis = RedisServer(redis_binary() or "redis-server", folder, "--maxmemory", "64mb")
        redis.start()
        stack.callback(redis.stop)
        options = ("--store", redis.url, "--data-folder", str(folder / "data"))
        limits = ("--max-sessions", "6", "--threads", "1")
        servers = stack.enter_context(server_processes(folder, 2, *options, *limits))
        targets = [f"127.0.0.1:{server.port}" for server in servers]
        scraper = stack.enter_context(prometheus(configuration(folder, targets), folder))
        begin_s = time.time()
        clients = Clients(video, targets, fps)
        clients.start()
        marks = happen(begin_s, seconds, clients, servers, redis)
        clients.stop()
        span = Span(begin_s, begin_s + seconds, SCRAPE_S, 5 * SCRAPE_S)
        shown = {panel["id"]: lines(panel, scraper, span) for panel in panels()}
    draw(shown, marks, out)


def configuration(folder: Path, targets: list[str]) -> Path:
    """Return the deployment's configuration, for these servers and a short time."""
    import yaml

    config = yaml.safe_load((CHECKOUT / "docker/prometheus/prometheus.yml").read_text())
    config["global"] = dict.fromkeys(config["global"], f"{SCRAPE_S:.0f}s")
    del config["rule_files"]
    (ours,) = (each for each in config["scrape_configs"] if each["job_name"] == "maskstream")
    del ours["dns_sd_configs"]
    ours["static_configs"] = [
        {"targets": [target], "labels": {"instance": f"server-{number}"}}
        for number, target in enumerate(targets, 1)
    ]
    config["scrape_configs"] = [ours]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def happen(
    begin_s: float, seconds: float, clients: "Clients", servers: list[Any], redis: Any
) -> dict[float, str]:
    """Let things happen at their shares of the time; return when each did."""

    def kill_server() -> None:
        servers[0].kill()
        servers[0].start()

    plan: list[tuple[float, str, Callable[[], None]]] = [
        (0.15, "a video is uploaded", clients.upload),
        (0.35, "a server is killed and comes back", kill_server),
        (0.60, "Redis is killed", redis.kill),
        (0.68, "Redis is back", redis.start),
        (0.80, "a stream that keeps only the newest frames", clients.hurry),
    ]
    marks = {}
    for share, name, deed in plan:
        time.sleep(max(0.0, begin_s + share * seconds - time.time()))
        marks[time.time()] = name
        deed()
    time.sleep(max(0.0, begin_s + seconds - time.time()))
    return marks


class Clients:
    """Streams at a camera's pace, a hasty one, and an upload; each in a thread of its own."""

    def __init__(self, video: Path, targets: list[str], fps: float) -> None:
        self._video = video
        self._fps = fps
        self._targets = targets
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to stream: two streams at the first server, one at the second."""
        for turn in (0, 0, 1):
            self._run(lambda turn=turn: self._stream(turn, self._fps, "lossless"))

    def hurry(self) -> None:
        """Send frames faster than they can be answered."""
        self._run(lambda: self._stream(1, 10 * self._fps, "latest"))

    def upload(self) -> None:
        """Upload the video."""
        from maskstream_client.videos import Videos

        Videos(f"http://{self._targets[1]}").submit(str(self._video))

    def stop(self) -> None:
        """End all streams."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _run(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        thread.start()
        self._threads.append(thread)

    def _stream(self, turn: int, fps: float, policy: str) -> None:
        from maskstream_client import connect

        urls = ",".join(f"ws://{each}" for each in self._targets[turn:] + self._targets[:turn])
        with connect(urls, policy=policy, on_event=lambda event: None) as client:
            for _ in client.stream(self._paced(fps)):
                pass

    def _paced(self, fps: float) -> Iterator[Any]:
        from maskstream_bench.pictures import resized
        from maskstream_client.sources import open_frames

        pictures = [resized(frame.pixels, 216, 384) for frame in open_frames(str(self._video))]
        due_s = time.monotonic()
        for picture in cycle(pictures):
            if self._ended.wait(max(0.0, due_s - time.monotonic())):
                return
            due_s = max(due_s + 1 / fps, time.monotonic())
            yield picture


if __name__ == "__main__":
    main()
