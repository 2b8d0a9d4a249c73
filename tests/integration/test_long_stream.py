"""A long stream costs what a short one costs: nothing on the server grows with its frames."""

import gc

import psutil
import pytest

from support.server import LiveServer
from support.wire_client import WireClient


def stream(client: WireClient, num_frames: int) -> None:
    """Send frames, two under way at a time, and forget their results."""
    first = client.sequence + 1
    for sequence in range(first, first + num_frames):
        client.send_frame()
        client.until(lambda last=sequence: last - 1 in client.results or last == first)
        client.results.pop(sequence - 2, None)
        client.notices.clear()
    client.until(lambda: client.durable == client.sequence)
    gc.collect()


@pytest.mark.parametrize(
    ("num_warm", "num_frames"), [(150, 300), pytest.param(150, 600, marks=pytest.mark.slow)]
)
def test_objects_and_memory_do_not_grow_with_a_stream(
    live_server: LiveServer, num_warm: int, num_frames: int
):
    with WireClient(live_server.ws_url) as client:
        stream(client, num_warm)
        objects, used_bytes = len(gc.get_objects()), psutil.Process().memory_info().rss
        stream(client, num_frames)
        # One object, or four kilobytes (of 600), that each frame left behind would show.
        assert len(gc.get_objects()) < objects + 2 * num_frames // 3
        assert psutil.Process().memory_info().rss < used_bytes + 2_500_000
        assert client.results[client.sequence].objects[0].age == client.sequence
