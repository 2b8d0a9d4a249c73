"""A video without an end, behind a URL: what a camera in a network is to its reader."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from client.clips import numbered_frames, write_clip


@contextmanager
def endless_video(folder: Path) -> Iterator[str]:
    """Give the URL of one, which is sent to the first who connects as fast as it is read."""
    path = write_clip(folder / "endless.ts", numbered_frames(20), codec="mpeg2video", fps=25)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_send, args=(listening, path.read_bytes()), daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"


def _send(listening: socket.socket, video: bytes) -> None:
    reader, _ = listening.accept()
    with reader, suppress(OSError):  # the reader has seen enough
        while True:
            reader.sendall(video)
