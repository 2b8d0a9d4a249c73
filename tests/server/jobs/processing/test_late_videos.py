"""Whole videos of models that answer late, or when the video ends, or to prompts."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from maskstream_model.errors import PromptError
from maskstream_server.jobs.records.record import VideoState
from support.engines import start
from support.fake_video import FakeDecoder, Gate
from support.stand_ins import POISON, stand_in
from support.workshop import WISHES, open_workshop

__all__ = ["open_workshop", "start"]

PLAIN = replace(WISHES, artifacts=("ytvis.json",))


def picture(number: int) -> np.ndarray:
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[4:12, number : number + 8, 0] = 200
    pixels[20:28, 10:18, 1] = 200 * (number % 5 < 3)
    return pixels


FRAMES = [picture(number) for number in range(17)]


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("stop_at", [1, 5, 9, 13, 16])
@pytest.mark.parametrize(
    "facts",
    [{"lookahead": 3}, {"lookahead": None}, {"lookahead": 2, "prompts": "required"}],
    ids=["late", "at the end", "prompted"],
)
async def test_a_video_that_is_given_back_ends_as_if_undisturbed(
    open_workshop, facts, stop_at, deterministic
):
    wish = replace(PLAIN, prompts=("green", "red") if "prompts" in facts else None)
    opened = partial(open_workshop, options=wish, deterministic=deterministic)
    undisturbed = await opened(stand_in(**facts), FakeDecoder(FRAMES, announced=17))
    record = await undisturbed.work()
    assert (record.state, record.next_frame, record.frames_total) == (VideoState.DONE, 17, 17)
    gate = Gate(stop_at)
    shop = await opened(stand_in(**facts), FakeDecoder(FRAMES, announced=17, on_frame=gate))
    saved = facts["lookahead"] is not None and stop_at > 9
    await shop.interrupt(gate, saved=saved)
    taken_up = (await shop.record()).next_frame
    assert (await shop.work()).state is VideoState.DONE
    lines = await shop.parsed()
    assert [line["frame"] for line in lines] == list(range(17))
    assert await shop.lines() == await undisturbed.lines()
    assert shop.artifact("ytvis.json") == undisturbed.artifact("ytvis.json")
    if saved:
        assert 0 < shop.decoder.opened[-1] <= taken_up < 17


async def test_a_memory_with_more_tracks_than_the_worker_allows_is_not_taken_up(open_workshop):
    gate = Gate(13)
    decoder = FakeDecoder(FRAMES, announced=17, on_frame=gate)
    shop = await open_workshop(stand_in(), decoder, PLAIN)
    await shop.interrupt(gate, saved=True)
    shop.parts = replace(shop.parts, max_tracks=1)
    assert (await shop.work()).state is VideoState.DONE
    assert shop.decoder.opened[-1] == 0
    assert max(len(line["objects"]) for line in await shop.parsed()) == 1


async def test_a_line_says_the_text_of_a_prompt(open_workshop):
    wish = replace(PLAIN, prompts=("green", "red"))
    shop = await open_workshop(stand_in(prompts="required"), FakeDecoder(FRAMES), wish)
    assert (await shop.work()).state is VideoState.DONE
    objects = [item for line in await shop.parsed() for item in line["objects"]]
    assert {(item["class_id"], item["label"]) for item in objects} == {(0, "green"), (1, "red")}


async def test_a_model_with_classes_of_its_own_names_tracks_by_the_prompts(open_workshop):
    wish = replace(PLAIN, prompts=("green", "red"))
    model = stand_in(prompts="optional")
    model.info = replace(model.info, classes=stand_in().info.classes)
    shop = await open_workshop(model, FakeDecoder(FRAMES), wish)
    assert (await shop.work()).state is VideoState.DONE
    objects = [item for line in await shop.parsed() for item in line["objects"]]
    assert {(item["class_id"], item["label"]) for item in objects} == {(0, "green"), (1, "red")}


def refuse(options):
    raise PromptError("there is no unicorn")


async def test_prompts_that_the_model_refuses_fail_the_video_with_its_sentence(open_workshop):
    model = stand_in(prompts="required")
    model.begin = refuse
    wish = replace(PLAIN, prompts=("unicorn",))
    shop = await open_workshop(model, FakeDecoder(FRAMES), wish)
    record = await shop.work()
    sentence = "The model refuses the prompts: there is no unicorn."
    assert (record.state, record.reason) == (VideoState.FAILED, sentence)


async def test_only_some_classes_are_mentioned(open_workshop):
    wish = replace(PLAIN, classes=("green",))
    shop = await open_workshop(stand_in(), FakeDecoder(FRAMES), wish)
    assert (await shop.work()).state is VideoState.DONE
    objects = [item for line in await shop.parsed() for item in line["objects"]]
    assert {item["label"] for item in objects} == {"green"}


async def test_a_frame_that_a_late_model_fails_on_is_named(open_workshop):
    frames = [*FRAMES[:8], np.full((32, 48, 3), POISON, np.uint8)]
    shop = await open_workshop(stand_in(lookahead=3), FakeDecoder(frames), PLAIN)
    record = await shop.work()
    assert (record.state, record.reason) == (VideoState.FAILED, "The model failed on frame 8.")
