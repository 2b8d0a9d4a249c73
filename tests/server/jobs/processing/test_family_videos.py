"""A real clip as a whole video through each family with made-up weights, given back on the way."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image

from maskstream_server.jobs.records.record import VideoState
from support import mdqe, sgmg
from support.chaos import clip_frames
from support.engines import start
from support.fake_video import FakeDecoder, Gate
from support.genvis import tiny_genvis
from support.workshop import WISHES, open_workshop

__all__ = ["open_workshop", "start"]

LENGTH, STOP_AT = 15, 12
PLAIN = replace(WISHES, artifacts=("ytvis.json",))
FAMILIES = {
    "genvis": (tiny_genvis, None),
    "genvis, semi": (partial(tiny_genvis, clip_frames=3), None),
    "mdqe": (mdqe.tiny_model, None),
    "sgmg": (sgmg.tiny_model, ("a white car", "a bus")),
}


@pytest.fixture(scope="module")
def frames():
    """Cars that come and go, small."""
    pictures = clip_frames(3 * LENGTH, 18)[::3]
    return [np.asarray(Image.fromarray(picture).resize((96, 64))) for picture in pictures]


@pytest.mark.parametrize(("load", "prompts"), FAMILIES.values(), ids=FAMILIES.keys())
async def test_a_video_that_is_given_back_ends_as_if_undisturbed(
    open_workshop, frames, load, prompts
):
    wish = replace(PLAIN, prompts=prompts)
    opened = partial(open_workshop, options=wish, deterministic=True)
    undisturbed = await opened(load(), FakeDecoder(frames, announced=LENGTH))
    record = await undisturbed.work()
    assert (record.state, record.next_frame) == (VideoState.DONE, LENGTH)
    assert any(line["objects"] for line in await undisturbed.parsed())
    gate = Gate(STOP_AT)
    shop = await opened(load(), FakeDecoder(frames, announced=LENGTH, on_frame=gate))
    await shop.interrupt(gate, saved=True)
    taken_up = (await shop.record()).next_frame
    assert (await shop.work()).state is VideoState.DONE
    assert await shop.lines() == await undisturbed.lines()
    assert shop.artifact("ytvis.json") == undisturbed.artifact("ytvis.json")
    assert 0 < shop.decoder.opened[-1] <= taken_up < LENGTH
