"""The laws of the port, on tiny models: online, semi-online, and with the whole memory."""

from functools import cache, partial

import pytest

from maskstream_model.conformance import LAWS, Case
from maskstream_model.port import StepInput, TrackStatus
from support.examples import IS_THOROUGH
from support.genvis import tiny_genvis
from support.tiny import tiny_frames

NOISE = 1e-5
HALF_NOISE = 1e-4
"""Rounding to half precision turns noise into a step, where it decides up or down."""
FRAMES = tiny_frames(14, seed=1)
KINDS = {"online": {}, "semi": {"clip_frames": 3}, "whole": {"memory_steps": None}}


@cache
def case(kind):
    return Case(
        load=partial(tiny_genvis, **KINDS[kind]),
        frames=FRAMES,
        tolerance=NOISE if kind == "whole" else HALF_NOISE,
        mask_tolerance=0.01,
        max_tracks=5,
        num_long=300 if IS_THOROUGH else 60,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_genvis_keeps_the_laws(law, kind):
    law(case(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_tiny_model_shows_every_status(kind):
    model = tiny_genvis(**KINDS[kind])
    (output,) = model.step([StepInput(FRAMES, model.begin())])
    seen = {int(status) for result in output.results for status in result.tracks.status}
    assert seen == {int(status) for status in TrackStatus}
