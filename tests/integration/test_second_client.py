"""docs/protocol.md is enough: a client that imports nothing of ours works against the real
server."""

import socket
from pathlib import Path

import numpy as np
import pytest

from integration import second_client
from integration.second_client import SecondClient
from maskstream_model.pixel_masks import PixelMasks
from maskstream_model.port import FrameResult, TrackTable
from support.server import FakeModel, running_server

HEIGHT, WIDTH = 24, 32
GREY = bytes([90]) * (3 * HEIGHT * WIDTH)


class Ring(FakeModel):
    """Two overlapping tracks: a ring with an island in its hole, and a bar in front of it.

    The bar is missed on the third frame and disappears on the fourth.
    """

    def track(self, frame, age):
        height, width = frame.shape[:2]
        grid = -np.ones((2, height // 4, width // 4), np.float32)
        grid[0, :, :6] = 1
        grid[0, 1:5, 1:5] = -1
        grid[0, 2:4, 2:4] = 1
        grid[1, 3:5, 3:] = 2 if age < 4 else 0
        tracks = TrackTable(
            track_ids=np.array([1, 2]),
            labels=np.array([0, 1]),
            scores=np.array([0.9, 0.8], np.float32),
            status=np.array([int(age > 1), age - 1]),
            ages=np.array([age, age]),
            things=np.ones(2, bool),
            mentionable=np.ones(2, bool),
        )
        masks = PixelMasks(grid.repeat(4, 1).repeat(4, 2))
        return FrameResult(age, (height, width), tracks, masks)


@pytest.fixture(scope="module")
def ring_server():
    with running_server(Ring()) as live:
        yield live


def answers(live, count=1, **hello):
    client = SecondClient(live.ws_url, hello).open()
    sequences = [client.send_rgb(HEIGHT, WIDTH, GREY) for _ in range(count)]
    results = [client.answer(each) for each in sequences]
    assert client.bye() == 1000
    return results


def test_it_imports_nothing_of_ours():
    assert "maskstream_" not in Path(second_client.__file__).read_text(encoding="utf-8")


def test_frames_go_in_and_masks_come_out(ring_server):
    first, second, third, fourth = answers(ring_server, count=4)
    assert (first.sequence, first.epoch, first.first, first.task) == (1, 1, True, 0)
    assert [each.first for each in (second, third, fourth)] == [False] * 3
    assert first.size == (HEIGHT, WIDTH)
    assert [found.status for found in first.found] == [0, 0]
    assert [found.status for found in third.found] == [1, 2]
    assert [found.status for found in fourth.found] == [1, 3]
    assert fourth.found[1].mask == frozenset()
    for found in first.found + third.found:
        xs, ys = [x for x, _ in found.mask], [y for _, y in found.mask]
        assert found.box == (min(xs), min(ys), max(xs) + 1, max(ys) + 1)
        assert found.area == len(found.mask)


@pytest.mark.parametrize("scale", [1, 0.5, 0.25])
def test_every_encoding_says_the_same(ring_server, scale):
    ring, bar = answers(ring_server, masks="rle", mask_scale=scale)[0].found
    assert ring.mask & bar.mask
    for masks in ("bits", "polygons"):
        found = answers(ring_server, masks=masks, mask_scale=scale)[0].found
        assert [each.mask for each in found] == [ring.mask, bar.mask]
        assert [each.area for each in found] == [ring.area, bar.area]
    found = answers(ring_server, masks="labelmap", mask_scale=scale)[0].found
    assert ring.mask - bar.mask <= found[0].mask <= ring.mask
    assert bar.mask - ring.mask <= found[1].mask <= bar.mask
    assert not found[0].mask & found[1].mask
    assert found[0].mask | found[1].mask == ring.mask | bar.mask
    assert len(found[1].mask & ring.mask) > len(found[0].mask & bar.mask)  # the larger logit
    assert [each.area for each in found] == [ring.area, bar.area]
    found = answers(ring_server, masks="none", mask_scale=scale)[0].found
    assert [(each.box, each.area) for each in found] == [((0, 0, 0, 0), 0)] * 2


def test_times_orientation_and_the_end_of_the_stream_are_kept(ring_server):
    client = SecondClient(ring_server.ws_url).open()
    client.send_rgb(HEIGHT, WIDTH, GREY, pts_us=40_000, orientation=6, last=True)
    answer = client.answer(1)
    assert (answer.pts_us, answer.size, answer.last) == (40_000, (WIDTH, HEIGHT), True)
    assert client.bye() == 1000


def test_more_frames_than_the_credit_are_sent_one_by_one(live_server):
    client = SecondClient(live_server.ws_url).open()
    count = 3 * client.welcome["credit"]["frames"]
    for _ in range(count):
        client.send_rgb(HEIGHT, WIDTH, GREY)
    assert client.flush({"any": ["json"]})["sequence"] == count
    assert sorted(client.answers) == list(range(1, count + 1))
    assert [client.answers[each].found[0].age for each in (1, count)] == [1, count]
    client.wait_for("credit", durable_sequence=count)
    assert client.bye() == 1000


def test_a_cut_connection_is_resumed_with_the_same_identities(live_server):
    whole = SecondClient(live_server.ws_url).open()
    cut = SecondClient(live_server.ws_url).open()
    for client in (whole, cut):
        for _ in range(4):
            client.answer(client.send_rgb(HEIGHT, WIDTH, GREY))
    cut.flush("before the cut")
    cut.socket.socket.shutdown(socket.SHUT_RDWR)
    cut.at_end.close()
    again = cut.resume()
    assert (again.welcome["resumed"], again.welcome["next_sequence"]) == (True, 5)
    assert again.welcome["resume_token"] != cut.welcome["resume_token"]
    for client in (whole, again):
        for _ in range(3):
            client.answer(client.send_rgb(HEIGHT, WIDTH, GREY))
    output = [[vars(found) for found in whole.answers[each].found] for each in range(1, 8)]
    assert output == [[vars(found) for found in again.answers[each].found] for each in range(1, 8)]
    assert whole.bye() == again.bye() == 1000


def test_a_reset_begins_a_new_epoch(live_server):
    client = SecondClient(live_server.ws_url).open()
    client.answer(client.send_rgb(HEIGHT, WIDTH, GREY))
    client.say("reset")
    assert client.wait_for("reset")["reason"] == "client"
    answer = client.answer(client.send_rgb(HEIGHT, WIDTH, GREY))
    assert (answer.sequence, answer.epoch, answer.first) == (2, 2, True)
    assert answer.found[0].age == 1
    assert client.bye() == 1000


def test_a_dead_token_is_reported_never_silently(live_server):
    resume = {"token": "no such token", "last_sequence": 7}
    client = SecondClient(live_server.ws_url, {"resume": resume}).open()
    assert (client.welcome["resumed"], client.welcome["next_sequence"]) == (False, 1)
    assert client.wait_for("reset")["reason"] in ("expired", "state_lost")
    assert client.answer(client.send_rgb(HEIGHT, WIDTH, GREY)).sequence == 1
    assert client.bye() == 1000


def test_mistakes_are_answered_and_the_session_lives_on(live_server):
    client = SecondClient(live_server.ws_url).open()
    client.socket.send(b"neither header nor frame")
    client.wait_for("error", code="frame_header", fatal=False)
    client.socket.send("no JSON")
    client.wait_for("error", code="bad_message", fatal=False)
    client.say("weather", sunny=True)
    client.next = 5
    client.send_rgb(HEIGHT, WIDTH, GREY)
    assert client.wait_for("error", code="sequence_gap")["expected"] == 1
    client.next, client.epoch = 1, 3
    client.send_rgb(HEIGHT, WIDTH, GREY)
    client.wait_for("error", code="stale_epoch")
    client.next, client.epoch = 1, 1
    client.send_rgb(HEIGHT, WIDTH, GREY[:-1])
    client.wait_for("error", code="frame_undecodable", sequence=1)
    client.wait_for("drop", first=1, last=1, reason="undecodable")
    answer = client.answer(client.send_rgb(HEIGHT, WIDTH, GREY))
    assert (answer.sequence, answer.dropped, answer.found[0].status) == (2, 1, 0)
    client.say("ping", id=9)
    client.wait_for("pong", id=9)
    assert client.bye() == 1000


@pytest.mark.parametrize(
    ("hello", "code", "close_code"),
    [({"model": "none such"}, "model_unknown", 4404), ({"masks": "oil"}, "bad_hello", 4400)],
)
def test_a_refused_hello_is_reported_before_the_close(live_server, hello, code, close_code):
    client = SecondClient(live_server.ws_url, hello)
    with pytest.raises(second_client.ConnectionClosed) as closed:
        client.open()
    client.at_end.close()
    assert closed.value.rcvd.code == close_code
    assert (client.talk[-1]["code"], client.talk[-1]["fatal"]) == (code, True)
