"""Frames of a video step some at a time: the same results wherever a worker resumes."""

from dataclasses import dataclass, replace
from functools import partial

import pytest

from maskstream_server.jobs.records.record import VideoState
from support.engines import start
from support.fake_model import FakeModel
from support.fake_video import FakeDecoder, FakeMediaError, Gate
from support.workshop import FRAMES, open_workshop

__all__ = ["open_workshop", "start"]


@pytest.mark.parametrize("stop_at", [0, 4, 7, 11, 12])
async def test_a_video_that_is_given_back_ends_as_if_undisturbed(open_workshop, stop_at):
    opened = partial(open_workshop, deterministic=False)
    undisturbed = await opened()
    assert (await undisturbed.work()).state is VideoState.DONE
    gate = Gate(stop_at)
    shop = await opened(decoder=FakeDecoder(FRAMES, on_frame=gate))
    await shop.interrupt(gate, saved=stop_at > 10)
    assert (await shop.work()).state is VideoState.DONE
    assert shop.decoder.opened[-1] in (0, 5, 10)
    if stop_at > 10:
        assert shop.decoder.opened[-1] > 0
    assert await shop.lines() == await undisturbed.lines()
    assert shop.artifact("masks.zip") == undisturbed.artifact("masks.zip")


async def test_frames_of_many_pixels_come_a_few_at_a_time(open_workshop):
    @dataclass(frozen=True)
    class Large:
        num_frames: int
        height: int
        width: int
        rate: int = 25

    model, decoder = FakeModel(), FakeDecoder(FRAMES)
    shop = await open_workshop(model, decoder, deterministic=False)

    def large(path, **how):
        video = decoder(path, **how)
        video.info = Large(13, 2160, 2560)  # two of them are 11 million pixels
        return video

    shop.parts = replace(shop.parts, open_video=large)
    assert (await shop.work()).state is VideoState.DONE
    assert model.batches == [2, 2, 2, 2, 2, 2, 1]


async def test_frames_on_which_the_model_fails_are_named(open_workshop):
    def on_step(frames):
        if len(frames) != 5 or frames[0] is FRAMES[5]:
            raise RuntimeError("cannot see")

    shop = await open_workshop(FakeModel(on_step), deterministic=False)
    record = await shop.work()
    assert record.state is VideoState.FAILED
    assert record.reason == "The model failed on one of the frames 5 to 9."
    shop = await open_workshop(FakeModel(on_step))
    assert (await shop.work()).reason == "The model failed on frame 0."


async def test_what_cannot_be_read_any_further_is_reported(open_workshop):
    def broken(index):
        if index == 7:
            raise FakeMediaError("The file ends in the middle of a frame.")

    shop = await open_workshop(decoder=FakeDecoder(FRAMES, on_frame=broken), deterministic=False)
    record = await shop.work()
    assert (record.state, record.reason) == (
        VideoState.FAILED,
        "The file ends in the middle of a frame.",
    )
    assert len(await shop.lines()) == 5
