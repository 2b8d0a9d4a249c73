"""Prompts, late models and provisional results over real sockets, against a small fake server."""

import asyncio
import json

import numpy as np
import pytest
from click.testing import CliRunner

from client.clips import numbered_frames, write_clip
from client.fake_server import Script, ThreadedServer, serving
from maskstream_client import MaskstreamError, RetryRules, StreamOptions, connect, connect_async
from maskstream_client.commands import stream
from maskstream_protocol.errors import BadMessageError

FAST = RetryRules(first_delay_s=0.01, max_delay_s=0.05, give_up_after_s=5.0)
FRAMES = [np.full((12, 16, 3), index, np.uint8) for index in range(10)]


@pytest.mark.parametrize("max_in_flight", [1, 4])
async def test_a_late_stream_ends_with_the_result_of_its_last_frame(max_in_flight):
    async with (
        serving(lookahead=3) as server,
        connect_async(server.url, max_in_flight=max_in_flight) as client,
    ):
        pairs = [pair async for pair in client.stream(FRAMES)]
    assert [frame[0, 0, 0] for frame, _ in pairs] == list(range(10))
    assert [result.frame_index for _, result in pairs] == list(range(10))


def test_a_late_stream_continues_over_lost_connections():
    with (
        ThreadedServer(Script(5, 1012), Script(4, 1012), lookahead=2) as server,
        connect(server.url, retry=FAST) as client,
    ):
        seen = [result.objects[0].class_id for _, result in client.stream(FRAMES)]
    assert seen == list(range(1, 11))
    assert len(server.hellos) == 3


def test_a_late_model_is_not_waited_for_in_vain():
    with ThreadedServer(lookahead=2) as server, connect(server.url) as client:
        for frame in FRAMES[:4]:
            client.send(frame)
        assert [client.receive().frame_index for _ in range(2)] == [0, 1]
        assert client.receive() is None
        assert [result.frame_index for result in client.results()] == [2, 3]


async def test_provisional_results_come_flagged_beside_the_final_ones():
    async with (
        serving(lookahead=2) as server,
        connect_async(server.url, provisional=True) as client,
    ):
        results = [result async for _, result in client.stream(FRAMES[:5])]
    final = [result.frame_index for result in results if not result.provisional]
    assert final == [0, 1, 2, 3, 4]
    places = [(result.frame_index, result.provisional) for result in results]
    assert all(places.index((frame, True)) < places.index((frame, False)) for frame in final)


async def test_prompts_change_in_the_middle():
    async with (
        serving(prompts=("a dog",)) as server,
        connect_async(server.url, prompts=["a dog"]) as client,
    ):
        assert [prompt.text for prompt in client.prompts] == ["a dog"]
        await client.send(FRAMES[0])
        changed = await client.set_prompts([" a cat ", "a bird", "a cat"])
        assert changed.from_sequence == 2
        assert [(prompt.text, prompt.class_id) for prompt in changed.prompts] == [
            ("a cat", 10),
            ("a bird", 11),
        ]
        assert client.classes[11].name == "a bird"
        with pytest.raises(BadMessageError, match="means nothing"):
            await client.set_prompts(["nonsense"])
        assert [prompt.text for prompt in client.prompts] == ["a cat", "a bird"]
        assert [result.sequence async for result in client.results()] == [1]


def test_prompts_change_without_asyncio():
    with ThreadedServer(prompts=("a dog",)) as server, connect(server.url) as client:
        assert client.set_prompts(["a cat"]).from_sequence == 1
        assert client.prompts[0].text == "a cat"


async def test_a_model_without_prompts_says_so():
    async with serving() as server, connect_async(server.url) as client:
        with pytest.raises(MaskstreamError, match="demo takes no prompts"):
            await asyncio.wait_for(client.set_prompts(["a dog"]), 30)


def test_the_command_asks_for_classes_and_prompts(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(4))
    options = ("--class", "dog, wild", "--classes", "person, cat,", "--prompt", "a dog, far away")
    with ThreadedServer(lookahead=2, prompts=()) as server:
        files = ("--summary", str(tmp_path / "s.json"))
        done = CliRunner().invoke(stream, [str(clip), "--url", server.url, *files, *options])
    assert done.exit_code == 0, done.output
    (hello,) = server.hellos
    assert (hello.classes, hello.prompts) == (("person", "cat", "dog, wild"), ("a dog, far away",))
    assert json.loads((tmp_path / "s.json").read_text())["frames"] == 4


def test_lists_of_texts_are_no_single_text():
    with pytest.raises(ValueError, match="lists of texts"):
        StreamOptions(prompts="a dog")
