"""What `make demo` runs: a real server, a real client, one video, and what was found in it.

The server runs on embedded defaults (no Redis, no GPU) on a free port; the client is the installed
`maskstream stream`. Without a video it is `examples/cars.mp4`.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

START_TIMEOUT_S = 180
SAMPLE = Path(__file__).resolve().parents[1] / "examples" / "cars.mp4"
FILES = {
    "annotated.mp4": "the video with masks, ids and names",
    "results.json": "every mask, as YouTube-VIS has it",
    "summary.json": "counts, speed, and the tracks above",
}
MAX_LINES = 20


def main() -> int:
    """Segment one video through the WebSocket; return the exit status."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # the server ends, too
    arguments = parse_arguments()
    out: Path = arguments.out
    log = out / "server.log"
    make_folder(out, log)
    check_video(arguments.video)
    with running_server(log) as url:
        status = stream(arguments.video, url, out)
    if status == 0:
        print("\n".join(["", *track_lines(out), "", *file_lines(out)]))
    return status


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, default=SAMPLE, help="a video of your own")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the results")
    return parser.parse_args()


def make_folder(out: Path, log: Path) -> None:
    """Make the folder for the results; leave with one sentence where nothing can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        sys.exit(f"{out} is no folder that can be written to: {error.strerror}.")


def check_video(video: Path) -> None:
    """Leave with one sentence if it is none."""
    from maskstream_client.errors import MaskstreamError
    from maskstream_client.video import VideoReader

    try:
        VideoReader(video).close()
    except MaskstreamError as error:
        sys.exit(str(error))


@contextlib.contextmanager
def running_server(log: Path) -> Iterator[str]:
    """Start `maskstream serve` on a free port; yield its WebSocket address; stop it in the end."""
    port = free_port()
    # Deterministic: the same tracks from run to run, however many cores there are.
    command = [program(), "serve", "--host", "127.0.0.1", "--port", str(port), "--deterministic"]
    with log.open("wb") as output:
        # In a group of its own: Ctrl-C ends the client first, which still needs its answers.
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, process_group=0
        )
    try:
        wait_until_ready(process, port, log)
        yield f"ws://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Return when `/readyz` says yes; leave with the server's own words if it stops."""
    print("Starting the server")
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"The server did not start. It said:\n{log.read_text(errors='replace')}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return
        time.sleep(0.2)
    sys.exit(f"The server was not ready after {START_TIMEOUT_S} s; see {log}.")


def stream(video: Path, url: str, out: Path) -> int:
    """Send the video with the real client; return its exit status."""
    names = zip(("--out", "--json", "--summary"), FILES, strict=True)
    options = [part for option, name in names for part in (option, str(out / name))]
    command = [program(), "stream", str(video), "--url", url, *options]
    with subprocess.Popen(command) as process:
        try:
            while True:
                # Ctrl-C reaches the client too, which ends in order and writes what came.
                with contextlib.suppress(KeyboardInterrupt):
                    return process.wait()
        finally:
            process.terminate()


def track_lines(out: Path) -> Iterator[str]:
    """Yield a line for each track that was shown: what it is, from when to when."""
    tracks = json.loads((out / "summary.json").read_text())["shown_tracks"]
    if not tracks:
        yield "No track was shown."
        return
    yield f"{'id':>4}  {'what':<12} {'seen from':>10} {'to':>8} {'frames':>7} {'score':>6}"
    yield from map(track_line, tracks[:MAX_LINES])
    if len(tracks) > MAX_LINES:
        yield f"and {len(tracks) - MAX_LINES} more"


def track_line(track: dict[str, Any]) -> str:
    """Return the line of a track."""
    return (
        f"{track['track_id']:>4}  {track['label']:<12} {track['from_s']:>8.1f} s"
        f" {track['to_s']:>6.1f} s {track['frames']:>7} {track['score']:>6.2f}"
    )


def file_lines(out: Path) -> Iterator[str]:
    """Yield a line for each file that is left."""
    width = max(len(str(out / name)) for name in FILES)
    for name, content in FILES.items():
        yield f"{out / name!s:<{width}}  {content}"


def program() -> str:
    """Return the path of the `maskstream` command beside this Python."""
    return os.path.join(os.path.dirname(sys.executable), "maskstream")


def free_port() -> int:
    """Return a port of the loopback interface that is free at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
