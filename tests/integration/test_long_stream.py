"""A long stream costs what a short one costs: nothing on the server grows with its frames."""

import gc

import psutil

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


def test_objects_and_memory_do_not_grow_with_a_stream(live_server: LiveServer):
    with WireClient(live_server.ws_url) as client:
        stream(client, 150)
        objects, used_bytes = len(gc.get_objects()), psutil.Process().memory_info().rss
        stream(client, 600)
        # One object, or four kilobytes, that each frame left behind would show.
        assert len(gc.get_objects()) < objects + 400
        assert psutil.Process().memory_info().rss < used_bytes + 2_500_000
        assert client.results[client.sequence].objects[0].age == client.sequence
