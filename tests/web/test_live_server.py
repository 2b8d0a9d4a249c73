"""What the client in JavaScript does with a real server beside a stream: watching, whole videos."""

import json
from pathlib import Path

import numpy as np
import pytest

from support.fake_video import FakeDecoder
from support.javascript import HAS_WEB_SOCKET, NO_NODE, NODE, NOT_INSTALLED, PACKAGE, run_node
from support.server import running_server

NUM_FRAMES = 12
KEY = "a-key-of-one-client-0123456789"
LIVE = str(PACKAGE / "tests" / "live.js")

pytestmark = [
    pytest.mark.skipif(NODE is None, reason=NO_NODE),
    pytest.mark.skipif(not HAS_WEB_SOCKET, reason=NOT_INSTALLED),
]


def test_a_viewer_sees_what_a_client_streams():
    with running_server() as live:
        seen = json.loads(run_node(LIVE, live.url, "watch", str(NUM_FRAMES)))
    expected = [[index, 40_000 * index, 1, "thing"] for index in range(NUM_FRAMES)]
    assert seen["streamed"] == expected
    assert seen["watched"]
    first = seen["watched"][0][0]
    assert first <= 3
    assert seen["watched"] == [[index, 1] for index in range(first, NUM_FRAMES)]
    assert (seen["models"], seen["sessions"]) == (["fake"], 0)


def test_a_key_is_exchanged_for_a_ticket_at_each_connection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MASKSTREAM_API_KEY", KEY)
    with running_server(api_keys=KEY) as live:
        seen = json.loads(run_node(LIVE, live.url, "watch", str(NUM_FRAMES)))
        assert len(seen["streamed"]) == NUM_FRAMES
        assert seen["watched"]
        monkeypatch.setenv("MASKSTREAM_API_KEY", "another")
        with pytest.raises(AssertionError, match="RefusedError"):
            run_node(LIVE, live.url, "watch", "1")


def test_a_video_is_uploaded_followed_read_and_removed(tmp_path: Path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(range(256)) * (5 << 12))
    frames = [np.zeros((32, 48, 3), np.uint8)] * 3
    with running_server(
        open_video=FakeDecoder(frames, announced=3), data_folder=str(tmp_path / "data")
    ) as live:
        seen = json.loads(run_node(LIVE, live.url, "video", str(path)))
    size = path.stat().st_size
    assert seen["progress"] == [[0, size], [2 << 20, size], [4 << 20, size], [size, size]]
    assert seen["states"][-1] == "done"
    assert [frame for frame, _ in seen["frames"]] == [0, 1, 2]
    for _, areas in seen["frames"]:
        assert [area for area, _ in areas] == [pixels for _, pixels in areas] != []
    assert (seen["name"], seen["tracks"]) == ("a & b.mp4", 1)
    assert (seen["listed"], seen["status"]) == ([[True, True]], 404)
