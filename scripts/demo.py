"""What `make demo` runs: a real server, a real client, one video, and pictures to look at.

The server runs on embedded defaults (no Redis, no GPU) on a free port; the client is the installed
`maskstream stream`. Without a video, a clip of the synthetic generator is written first.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

START_TIMEOUT_S = 180
SAMPLE_FPS = 12


def main() -> int:
    """Segment one video through the WebSocket; return the exit status."""
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # the server ends, too
    arguments = parse_arguments()
    out: Path = arguments.out
    log = out / "server.log"
    make_folder(out, log)
    video = find_video(arguments.video, out)
    with running_server(log) as url:
        return stream(video, url, out)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--video", type=Path, help="a video of your own")
    parser.add_argument("--out", type=Path, default=Path("demo-out"), help="folder for the results")
    return parser.parse_args()


def make_folder(out: Path, log: Path) -> None:
    """Make the folder for the results; leave with one sentence where nothing can be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        log.touch()
    except OSError as error:
        sys.exit(f"{out} is no folder that can be written to: {error.strerror}.")


def find_video(video: Path | None, out: Path) -> Path:
    """Return the path of the user's video or of a sample; leave with one sentence if it is none."""
    from maskstream_client.errors import MaskstreamError
    from maskstream_client.video import VideoReader

    try:
        video = video or write_sample(out / "sample.mp4")
        VideoReader(video).close()
    except MaskstreamError as error:
        sys.exit(str(error))
    return video


def write_sample(path: Path) -> Path:
    """Write the generated sample clip as an MP4 and return its path."""
    from maskstream_client.video import VideoWriter
    from maskstream_train.data.synthetic import sample_clip

    print("Making a sample clip (give your own with VIDEO=any.mp4)")
    with VideoWriter(path, fps=SAMPLE_FPS) as writer:
        for frame in sample_clip().frames:
            writer.write(frame)
    return path


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
    results = {
        "--out": out / "annotated.mp4",
        "--json": out / "results.json",
        "--summary": out / "summary.json",
    }
    options = [str(part) for pair in results.items() for part in pair]
    command = [program(), "stream", str(video), "--url", url, *options]
    with subprocess.Popen(command) as process:
        try:
            while True:
                # Ctrl-C reaches the client too, which ends in order and writes what came.
                with contextlib.suppress(KeyboardInterrupt):
                    return process.wait()
        finally:
            process.terminate()


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
