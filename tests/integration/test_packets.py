"""Frames as units of a video, through a real server with the fake model."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from maskstream_client import CodecUnsupportedError, RetryRules, connect
from maskstream_client.commands import stream
from maskstream_media.unit_encoder import Unit
from maskstream_protocol.frames import PACKET_CODECS, FrameCodec
from support.odd_videos import pictures, write_video
from support.proxy import Proxy
from support.raw_client import RawClient, grey, raw_client
from support.server import LiveServer, running_server
from support.units import CODECS, encoded_units, moving, with_b_frames

SOON_S = 60.0
FAST = RetryRules(first_delay_s=0.05, max_delay_s=0.2)
KEY, DECODER_ONLY = 2, 4
H264, VP9 = FrameCodec.H264, FrameCodec.VP9


def decoders() -> list[psutil.Process]:
    """The processes that decode units for servers of this process."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "maskstream_server.packets.child" in child.cmdline():
                found.append(child)
    return found


@pytest.fixture(autouse=True)
def no_decoder_is_left() -> Iterator[None]:
    yield
    until_s = time.monotonic() + SOON_S
    while decoders() and time.monotonic() < until_s:
        time.sleep(0.01)
    assert decoders() == []


async def send(client: RawClient, codec: FrameCodec, units, **header: int) -> None:
    for unit in units:
        flags = KEY * unit.key_frame | header.get("flags", 0)
        await client.send(unit.payload, **{**header, "codec": codec, "flags": flags})


async def test_a_server_says_that_it_takes_units_and_of_which_codecs(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        welcome = await client.hello(codecs=["vp9", "jpeg", "h264", "h266"])
    assert "packets" in welcome["features"]
    assert welcome["codecs"] == ["jpeg", "h264", "vp9"]


@pytest.mark.parametrize("codec", CODECS, ids=PACKET_CODECS)
async def test_every_unit_gets_its_result(live_server: LiveServer, codec: FrameCodec):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, codec, encoded_units(codec, moving(6)))
        await client.flush()
        assert [result.sequence for result in client.results] == [1, 2, 3, 4, 5, 6]
        assert {result.mask_size for result in client.results} == {(48, 64)}
        assert live_server.metric("maskstream_packet_sessions") == 1
        await client.say(type="bye")
        assert await client.end() == 1000
        assert client.error_codes == []


async def test_a_session_may_change_codec_and_size_and_keeps_its_tracks(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, encoded_units(H264, moving(2)))
        await client.send(grey())
        await send(client, VP9, encoded_units(VP9, moving(2, 32, 32)))
        await client.flush()
        sizes = [result.mask_size for result in client.results]
        assert sizes == [(48, 64), (48, 64), (36, 64), (32, 32), (32, 32)]
        assert {result.tracks[0].id for result in client.results} == {1}


async def test_units_are_turned_as_the_header_says(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, encoded_units(H264, moving(1)), orientation=6)
        assert (await client.result()).mask_size == (64, 48)


async def test_behind_a_broken_unit_a_key_frame_is_needed_and_mends_it(live_server: LiveServer):
    units = encoded_units(H264, moving(8), keys=(0, 6))
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, [units[0], Unit(b"\0\0\1broken", False), *units[2:4], *units[6:]])
        await client.flush()
        assert [result.sequence for result in client.results] == [1, 5, 6]
        assert client.error_codes == ["frame_undecodable", "need_keyframe", "need_keyframe"]
        assert [drop["reason"] for drop in client.of("drop")] == ["undecodable"] * 3
        assert [result.dropped for result in client.results] == [0, 3, 0]


async def test_b_frames_are_refused_in_a_sentence(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, with_b_frames()[:1])
        assert "without B-frames" in (await client.get("error"))["message"]


async def test_latest_skips_frames_and_still_decodes_all(live_server: LiveServer):
    count = 40
    units = encoded_units(VP9, moving(count))
    async with raw_client(live_server.ws_url) as client:
        await client.hello(policy="latest")
        credit = client.welcome["credit"]["frames"]
        for unit in units:
            while credit == 0:
                credit += (await client.get("credit"))["frames"]
            await send(client, VP9, [unit])
            credit -= 1
        await client.flush()
        dropped = sum(drop["last"] - drop["first"] + 1 for drop in client.of("drop"))
        assert len(client.results) + dropped == count
        assert client.results[-1].sequence == count
        assert client.error_codes == []


async def test_a_resumed_session_continues_with_units_for_the_decoder_only(
    live_server: LiveServer,
):
    units = encoded_units(H264, moving(6))
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, units[:4])
        await client.flush()
        token = client.welcome["resume_token"]
    async with raw_client(live_server.ws_url) as client:
        await client.hello(resume={"token": token, "last_sequence": 4})
        assert client.next_sequence == 5
        client.next_sequence = 1
        await send(client, H264, units[:4], flags=DECODER_ONLY)
        await send(client, H264, units[4:])
        await client.flush()
        assert [result.sequence for result in client.results] == [5, 6]
        assert (client.error_codes, client.of("drop")) == ([], [])
        await client.say(type="bye")
        await client.end()
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        client.next_sequence = 1
        await send(client, H264, units[:1], flags=DECODER_ONLY)
        assert (await client.get("error"))["code"] == "sequence_gap"


async def test_a_flood_of_units_for_the_decoder_only_holds_its_sender_back(
    live_server: LiveServer,
):
    (key,) = encoded_units(H264, moving(1))
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        for _ in range(200):
            await send(client, H264, [key], flags=0)
            await client.result()
        token = client.welcome["resume_token"]
    async with raw_client(live_server.ws_url) as client, raw_client(live_server.ws_url) as other:
        await client.hello(resume={"token": token, "last_sequence": 200})
        client.next_sequence = 1
        await other.hello()
        for number in range(1, 201):
            await send(client, H264, [key], flags=DECODER_ONLY)
            if number % 50 == 0:
                await other.answer(grey())
        await send(client, H264, [key])
        assert (await client.result()).sequence == 201


async def test_a_killed_decoder_costs_its_session_a_key_frame_and_others_nothing(
    live_server: LiveServer,
):
    units = encoded_units(H264, moving(4), keys=(0, 2))
    async with raw_client(live_server.ws_url) as client, raw_client(live_server.ws_url) as other:
        await client.hello()
        await send(client, H264, units[:1])
        await client.result()
        (child,) = decoders()
        await other.hello()
        await send(other, H264, units[:1])
        await other.result()
        child.send_signal(signal.SIGKILL)
        child.wait(SOON_S)
        await send(client, H264, units[1:])
        await client.flush()
        assert [result.sequence for result in client.results] == [1, 3, 4]
        assert client.error_codes == ["need_keyframe"]
        await send(other, H264, units[1:2])
        assert (await other.result()).sequence == 2


async def test_a_client_that_vanishes_leaves_no_process(live_server: LiveServer):
    async with raw_client(live_server.ws_url) as client:
        await client.hello()
        await send(client, H264, encoded_units(H264, moving(3)))
        await client.result()
        assert len(decoders()) == 1
        client.socket.transport.abort()


# The Python client.


@pytest.mark.parametrize("codec", PACKET_CODECS)
def test_the_client_streams_arrays_as_a_video(live_server: LiveServer, codec):
    with connect(live_server.url) as client:
        before = live_server.metric("maskstream_received_bytes_total")
        pairs = list(client.stream(moving(12, 96, 128), codec=codec))
        num_bytes = live_server.metric("maskstream_received_bytes_total") - before
    assert [result.sequence for _, result in pairs] == list(range(1, 13))
    assert 0 < num_bytes < sum(frame.nbytes for frame, _ in pairs) / 10


def test_the_client_sends_a_key_frame_where_a_decoder_has_died(live_server: LiveServer):
    killed: list[int] = []

    def frames() -> Iterator[np.ndarray]:
        for number, frame in enumerate(moving(40)):
            if number == 10:
                (child,) = decoders()
                os.kill(child.pid, signal.SIGKILL)
                child.wait(SOON_S)
                killed.append(child.pid)
            yield frame

    with connect(live_server.url) as client:
        results = [r for _, r in client.stream(frames(), every_frame=True, codec="h264")]
    reasons = [result.drop_reason for result in results]
    assert len(killed) == 1
    assert len(results) == 40
    lost = [number for number, reason in enumerate(reasons) if reason is not None]
    assert lost
    assert set(reasons) == {None, "undecodable"}
    # What was on its way when the first drop came back is lost with it, and no more.
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert len(lost) < 12


def test_the_client_resumes_a_video_after_a_lost_connection(live_server: LiveServer):
    def frames() -> Iterator[np.ndarray]:
        for number, frame in enumerate(moving(24)):
            if number in (8, 15):
                proxy.cut()
                proxy.restore()
            yield frame

    port = int(live_server.url.rpartition(":")[2])
    with Proxy(port) as proxy, connect(f"ws://127.0.0.1:{proxy.port}", retry=FAST) as client:
        results = [r for _, r in client.stream(frames(), every_frame=True, codec="vp9")]
    assert [result.drop_reason for result in results] == [None] * 24
    assert [result.sequence for result in results] == list(range(1, 25))
    assert live_server.metric("maskstream_units_decoded_again_total") > 0


def test_the_client_streams_the_newest_frames_as_a_video(live_server: LiveServer):
    with connect(live_server.url, policy="latest") as client:
        results = [r for _, r in client.stream(moving(40), every_frame=True, codec="vp8")]
    assert {result.drop_reason for result in results} <= {None, "superseded"}
    assert results[-1].drop_reason is None


def test_a_server_that_takes_no_units_is_named_in_a_sentence():
    with (
        running_server(packets=False) as live,
        connect(live.url) as client,
        pytest.raises(CodecUnsupportedError, match="takes no frames as h264: send them as pict"),
    ):
        list(client.stream(moving(2), codec="h264"))


async def test_a_server_that_takes_no_units_knows_none_of_their_codecs():
    with running_server(packets=False) as live:
        async with raw_client(live.ws_url) as client:
            welcome = await client.hello()
            assert "packets" not in welcome["features"]
            assert welcome["codecs"] == ["jpeg", "png", "webp", "rgb24"]
            await send(client, H264, encoded_units(H264, moving(1)))
            assert (await client.get("error"))["code"] == "codec_unsupported"


def test_the_command_sends_a_file_as_a_video(live_server: LiveServer, tmp_path: Path):
    path = write_video(tmp_path / "clip.mp4", pictures(12), "libx264")
    before = live_server.metric("maskstream_received_bytes_total")
    arguments = [str(path), "--url", live_server.url, "--codec", "vp9"]
    done = CliRunner().invoke(stream, arguments)
    assert done.exit_code == 0, done.output
    assert "12 frames" in done.output
    assert 0 < live_server.metric("maskstream_received_bytes_total") - before < 12_000
