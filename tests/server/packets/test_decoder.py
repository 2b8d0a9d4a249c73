"""Units of one session: one picture each, in order, and nothing that breaks harms another."""

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import psutil
import pytest

from maskstream_protocol.errors import NeedKeyframeError
from maskstream_protocol.frames import FrameCodec, FrameMessage
from maskstream_server.packets.decoder import PacketDecoder
from maskstream_server.pictures.limits import unit_memory_for
from maskstream_server.pictures.refusal import TooLargeError, UndecodableError
from support.pictures import limits, new_packets
from support.units import CODECS, encoded_units, moving, unit_frames, with_b_frames

SOON_S = 150.0
H264, HEVC, VP8, VP9, AV1 = CODECS
NAMES = [codec.wire_name for codec in CODECS]
# It begins as no unit of VP9 does, one in four of which says "show what you have".
NOISE = b"\x41" + np.random.default_rng(0).bytes(50_000)


@pytest.fixture
def decoder() -> Iterator[PacketDecoder]:
    packets = new_packets()
    yield packets
    packets.close()


async def all_of(decoder: PacketDecoder, units: Sequence[FrameMessage]) -> list[np.ndarray]:
    return [await decoder.decode(unit) for unit in units]


async def until(condition) -> None:
    async with asyncio.timeout(SOON_S):
        while not condition():
            await asyncio.sleep(0.01)


def frames_of(codec: FrameCodec, count: int = 4, keys: Sequence[int] = (0,)) -> list[FrameMessage]:
    return unit_frames(codec, encoded_units(codec, moving(count), keys))


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_each_unit_gives_its_picture(decoder, codec):
    pictures = moving(6)
    shown = await all_of(decoder, unit_frames(codec, encoded_units(codec, pictures)))
    assert {picture.shape for picture in shown} == {(48, 64, 3)}
    for picture, original in zip(shown, pictures, strict=True):
        assert np.abs(picture.astype(int) - original).mean() < 12


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_calls_at_once_are_served_in_their_order(decoder, codec):
    frames = frames_of(codec, 6)
    shown = await asyncio.gather(*(decoder.decode(frame) for frame in frames))
    other = new_packets()
    expected = await all_of(other, frames)
    other.close()
    assert all(map(np.array_equal, shown, expected))


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_a_picture_may_change_its_size_at_a_key_frame(decoder, codec):
    small = encoded_units(codec, moving(2, 64, 96))
    frames = unit_frames(codec, [*encoded_units(codec, moving(2)), *small])
    shapes = [picture.shape[:2] for picture in await all_of(decoder, frames)]
    assert shapes == [(48, 64)] * 2 + [(64, 96)] * 2


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_pictures_of_odd_sizes_keep_them(decoder, codec):
    frames = unit_frames(codec, encoded_units(codec, moving(2, 45, 67)))
    assert [picture.shape for picture in await all_of(decoder, frames)] == [(45, 67, 3)] * 2


async def test_the_first_unit_must_be_a_key_frame(decoder):
    first, second, *_ = frames_of(H264)
    with pytest.raises(NeedKeyframeError, match="send a key frame"):
        await decoder.decode(second)
    assert decoder.pid is None, "no process is needed to say so"
    assert len(await all_of(decoder, [first, second])) == 2


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_a_key_frame_is_needed_behind_a_gap_and_ends_it(decoder, codec):
    frames = frames_of(codec, 6, keys=(0, 4))
    await decoder.decode(frames[0])
    for frame in frames[2:4]:
        with pytest.raises(NeedKeyframeError):
            await decoder.decode(frame)
    assert len(await all_of(decoder, frames[4:])) == 2


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_another_codec_begins_with_a_key_frame_of_its_own(decoder, codec):
    other = CODECS[CODECS.index(codec) - 1]
    await decoder.decode(frames_of(other)[0])
    second = frames_of(codec)[1]
    with pytest.raises(NeedKeyframeError):
        await decoder.decode(second)
    key = replace(frames_of(codec)[0], sequence=3)
    assert (await decoder.decode(key)).shape == (48, 64, 3)


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
@pytest.mark.parametrize("payload", [b"", b"\0", bytes(500), NOISE[:500], NOISE])
async def test_what_is_no_unit_is_refused_and_a_key_frame_mends_it(decoder, codec, payload):
    first, second, *_ = frames_of(codec)
    await decoder.decode(first)
    pid = decoder.pid
    with pytest.raises((UndecodableError, TooLargeError)):
        await decoder.decode(replace(second, payload=payload))
    with pytest.raises(NeedKeyframeError):
        await decoder.decode(replace(second, sequence=3))
    assert (await decoder.decode(replace(first, sequence=4))).shape == (48, 64, 3)
    assert decoder.pid == pid


# Decoders of HEVC, VP8 and VP9 may not notice that data is missing at the end.
@pytest.mark.parametrize("codec", [H264, AV1], ids=["h264", "av1"])
@pytest.mark.parametrize("number", [0, 1])
async def test_a_truncated_unit_is_refused(decoder, codec, number):
    frames = frames_of(codec)
    await all_of(decoder, frames[:number])
    hurt = frames[number]
    with pytest.raises(UndecodableError):
        await decoder.decode(replace(hurt, payload=hurt.payload[: len(hurt.payload) // 2]))


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_damaged_units_never_end_the_process(codec):
    deaths: list[str] = []
    packets = new_packets(deaths.append)
    rng = np.random.default_rng(1)
    frames = frames_of(codec, 3)
    for number in range(60):
        whole = frames[number % 3]
        hurt = np.frombuffer(whole.payload, np.uint8).copy()
        hurt[rng.integers(0, len(hurt), 4)] = rng.integers(0, 256, 4)
        try:
            await packets.decode(replace(whole, sequence=number, payload=hurt.tobytes()))
        except (UndecodableError, TooLargeError, NeedKeyframeError):
            continue
    assert deaths == []
    packets.close()


@pytest.mark.parametrize("codec", [H264, HEVC, AV1], ids=["h264", "hevc", "av1"])
@pytest.mark.parametrize("number", [0, 1])
async def test_a_unit_with_two_pictures_is_refused(decoder, codec, number):
    frames = frames_of(codec)
    await all_of(decoder, frames[:number])
    one, other = frames[number : number + 2]
    with pytest.raises(UndecodableError):
        await decoder.decode(replace(one, payload=bytes(one.payload) + bytes(other.payload)))


async def test_a_video_that_reorders_its_pictures_is_refused_in_a_sentence(decoder):
    with pytest.raises(UndecodableError, match="without B-frames"):
        await all_of(decoder, unit_frames(H264, with_b_frames()))


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_a_unit_that_is_marked_as_a_key_frame_must_be_one(decoder, codec):
    second = frames_of(codec)[1]
    with pytest.raises(UndecodableError):
        await decoder.decode(replace(second, key_frame=True))


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_a_picture_over_the_limit_is_refused_by_its_header(codec):
    packets = new_packets(max_pixels=10_000)
    key = unit_frames(codec, encoded_units(codec, moving(1, 128, 256)))[0]
    with pytest.raises(TooLargeError) as caught:
        await packets.decode(key)
    assert caught.value.size == ((128, 256) if codec in (H264, HEVC) else (0, 0))
    assert (await packets.decode(frames_of(codec)[0])).shape == (48, 64, 3)
    packets.close()


@pytest.mark.parametrize("codec", CODECS, ids=NAMES)
async def test_a_picture_within_the_limit_is_taken_however_its_codec_pads_it(codec):
    packets = new_packets(max_pixels=10_000)
    units = [*encoded_units(codec, moving(1, 104, 96)), *encoded_units(codec, moving(1, 108, 96))]
    key, over = unit_frames(codec, units)
    assert (await packets.decode(key)).shape == (104, 96, 3)
    with pytest.raises(TooLargeError) as caught:
        await packets.decode(over)
    assert caught.value.size == (108, 96)
    packets.close()


async def test_a_bomb_is_refused_without_the_memory_of_its_picture(test_data):
    import av

    with av.open(str(test_data / "hostile" / "bomb_8192x8192_40f.mp4")) as container:
        stream = container.streams.video[0]
        packet = next(container.demux(stream))
        cutter = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
        payload = b"".join(map(bytes, cutter.filter(packet)))
    packets = new_packets(max_pixels=4096 * 2304)
    with pytest.raises(TooLargeError) as caught:
        await packets.decode(FrameMessage(1, 1, H264, payload, key_frame=True))
    assert caught.value.size == (8192, 8192)
    assert psutil.Process(packets.pid).memory_info().rss < 300 << 20
    packets.close()


async def test_a_unit_for_the_decoder_only_gives_no_pixels_and_serves_the_next(decoder):
    frames = frames_of(VP9)
    primed = [replace(frame, decoder_only=True) for frame in frames[:2]]
    assert [picture.size for picture in await all_of(decoder, primed)] == [0, 0]
    assert (await decoder.decode(frames[2])).shape == (48, 64, 3)


async def test_a_stuck_decoder_costs_its_own_session_one_unit_and_no_other_anything():
    deaths: list[str] = []
    packets, other = new_packets(deaths.append, deadline_s=3.0), new_packets()
    frames = frames_of(H264, 3, keys=(0, 2))
    await packets.decode(frames[0])
    await other.decode(frames[0])
    stuck = packets.pid
    os.kill(stuck, signal.SIGSTOP)
    hung = asyncio.create_task(packets.decode(frames[1]))
    assert (await other.decode(frames[1])).shape == (48, 64, 3)
    with pytest.raises(UndecodableError, match="within 3 seconds"):
        await hung
    assert deaths == ["deadline"]
    assert (await packets.decode(frames[2])).shape == (48, 64, 3)
    assert packets.pid != stuck
    packets.close()
    other.close()


async def test_a_killed_process_is_replaced_at_the_next_key_frame(decoder):
    frames = frames_of(H264, 3, keys=(0, 2))
    await decoder.decode(frames[0])
    os.kill(decoder.pid, signal.SIGKILL)
    await until(lambda: decoder.pid is None)
    with pytest.raises(NeedKeyframeError):
        await decoder.decode(frames[1])
    assert (await decoder.decode(frames[2])).shape == (48, 64, 3)


async def test_closing_ends_the_process_in_the_middle_of_a_unit_and_counts_no_death():
    deaths: list[str] = []
    present: list[int] = []
    packets = new_packets(deaths.append, present.append)
    frames = frames_of(H264)
    await packets.decode(frames[0])
    child = psutil.Process(packets.pid)
    child.suspend()
    hung = [asyncio.create_task(packets.decode(frame)) for frame in frames[1:]]
    await asyncio.sleep(0)
    packets.close()
    for each in await asyncio.gather(*hung, return_exceptions=True):
        assert isinstance(each, UndecodableError | NeedKeyframeError)
    await asyncio.to_thread(psutil.wait_procs, [child], SOON_S)
    assert not child.is_running()
    assert (deaths, sum(present), len(present)) == ([], 0, 2)


async def test_its_process_is_confined_and_imports_no_model(decoder):
    await decoder.decode(frames_of(H264)[0])
    process = psutil.Process(decoder.pid)
    assert process.rlimit(psutil.RLIMIT_NOFILE)[1] == 0
    assert process.rlimit(psutil.RLIMIT_AS)[1] > limits().memory_bytes
    assert not [name for name in process.environ() if name.startswith("MASKSTREAM")]
    assert not [each for each in process.memory_maps() if "torch" in each.path]


async def test_the_largest_pictures_of_a_long_video_fit_into_the_reserved_memory():
    pixels = 4096 * 2304
    packets = new_packets(max_pixels=pixels, memory_bytes=unit_memory_for(pixels, 16 << 20))
    shown = await all_of(packets, unit_frames(H264, encoded_units(H264, moving(3, 2304, 4096))))
    assert [picture.shape for picture in shown] == [(2304, 4096, 3)] * 3
    packets.close()
